"""The try-it page and the launch of the clinician's page, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect
from served_app import served_app

from cds_service.cards.words import card_words
from cds_service.clinician_page import launch_cookie
from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.config import Config
from cds_service.feedback.store import FeedbackStore
from cds_service.sample_patients.samples import samples

CHILD = "sample-s3-early-marrow"
FILE = Path("cds_service/sample_patients") / f"{CHILD}.json"
NAME = "Inventedchild"
WIDTHS = (360, 1280)
children = pytest.mark.parametrize("patient_id", list(samples()))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a database of feedback."""
    return f"sqlite:///{tmp_path_factory.mktemp('feedback')}/feedback.sqlite3"


@pytest.fixture(scope="module")
def base(database: str) -> Iterator[str]:
    """The service in development mode, as ``make run`` serves it."""
    with served_app(Config(feedback_database=database)) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser without cookies, whose console may tell of refusals."""
    opened = browser.new_context()
    yield opened
    opened.close()


def launched(page: Page, base: str, patient_id: str = CHILD, answer: str = "Allow") -> None:
    """Launch from the child's page, and answer the consent."""
    page.goto(f"{base}/try-it/patients/{patient_id}")
    page.get_by_role("link", name="Launch the clinician's page").click()
    page.get_by_role("button", name=answer).click()
    page.wait_for_url("**/callback?**")


def assert_refused(page: Page, fault: LaunchFault) -> None:
    """The page says what happened, in fixed words, and has no data."""
    expect(page.get_by_role("heading", level=1)).to_have_text(fault.heading)
    text = page.content()
    assert fault.advice.split("'")[0] in text
    for secret in (NAME, "HSCT", "S3", CHILD):
        assert secret not in text


@children
def test_every_sample_opens_as_cards_and_as_the_clinicians_page(
    tab: Page, base: str, patient_id: str
) -> None:
    """List, cards, launched page: the console is silent, and nothing is asked of elsewhere."""
    asked: set[str] = set()
    tab.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    tab.goto(base)
    tab.locator(f'a[href="/try-it/patients/{patient_id}"]').click()
    first = tab.locator("article.card").first if samples()[patient_id].shown else None
    expect(first or tab.get_by_text("No card.")).to_be_visible()
    launched(tab, base, patient_id)
    expect(tab.get_by_role("heading", level=1)).to_be_visible()
    asked_for = requests.get(f"{base}/sample-requests/{patient_id}", timeout=10).json()
    service = f"{base}/cds-services/relapsed-all-stratification"
    answer = requests.post(service, json=asked_for, timeout=10).json()
    decision = answer["extension"]["org.relapsed-all.decision"]
    expect(tab.locator("body")).to_contain_text(
        card_words().plans[decision["plan"]].short, ignore_case=True
    )
    assert asked == {urlsplit(base).netloc}
    assert not tab.context.cookies(), "the launch left nothing behind"


def test_the_clinicians_page_is_launched_from_a_card(tab: Page, base: str) -> None:
    """The smart link of the first card, as an EHR would follow it."""
    tab.goto(f"{base}/try-it/patients/{CHILD}")
    tab.locator("article.card").first.get_by_role("link", name="Open the clinician's page").click()
    expect(tab.get_by_text("patient/Condition.rs")).to_be_visible()
    tab.get_by_role("button", name="Allow").click()
    tab.wait_for_url("**/callback?**")
    expect(tab.get_by_text("S3", exact=False).first).to_be_visible()


def test_no_token_is_left_in_page_cookie_or_storage(tab: Page, base: str) -> None:
    """Nothing in the browser opens the record after the page is shown."""
    tokens: list[str] = []
    launched(tab, base)
    tokens += re.findall(r"Bearer|access_token", tab.content())
    assert not tokens
    assert not tab.context.cookies()
    assert tab.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_page_that_is_loaded_again_shows_nothing(context: BrowserContext, base: str) -> None:
    """The launch is used up: the address in the history of the browser opens no record."""
    page = context.new_page()
    launched(page, base)
    page.reload()
    assert_refused(page, LaunchFault.STALE)


def test_a_replayed_launch_shows_nothing(context: BrowserContext, base: str) -> None:
    """The same launch address, opened a second time."""
    page = context.new_page()
    launches: list[str] = []
    page.on(
        "request", lambda told: launches.append(told.url) if "/launch?iss" in told.url else None
    )
    launched(page, base)
    page.goto(launches[0])
    assert_refused(page, LaunchFault.REFUSED)


def test_a_foreign_ehr_shows_nothing(context: BrowserContext, base: str) -> None:
    """An ``iss`` that is not listed."""
    page = context.new_page()
    page.goto(f"{base}/launch?iss=https://elsewhere.example/fhir&launch=x")
    assert_refused(page, LaunchFault.FOREIGN)


def test_a_wrong_state_shows_nothing(context: BrowserContext, base: str) -> None:
    """A callback that this browser did not begin."""
    page = context.new_page()
    page.goto(f"{base}/callback?code=x&state=y")
    assert_refused(page, LaunchFault.STALE)


def test_a_callback_in_another_browser_shows_nothing(browser: Browser, base: str) -> None:
    """The state without its cookie: a link that was passed on."""
    first, second = browser.new_context(), browser.new_context()
    page, other = first.new_page(), second.new_page()
    page.route("**/callback?**", lambda route: route.abort())
    urls: list[str] = []
    page.on("request", lambda told: urls.append(told.url) if "/callback?" in told.url else None)
    page.goto(f"{base}/try-it/ehr/launch/{CHILD}")
    with page.expect_request("**/callback?**"):
        page.get_by_role("button", name="Allow").click(no_wait_after=True)
    other.goto(urls[0])
    assert_refused(other, LaunchFault.STALE)
    first.close()
    second.close()


def test_denied_consent_shows_nothing(context: BrowserContext, base: str) -> None:
    """The reader said no."""
    page = context.new_page()
    launched(page, base, answer="Deny")
    assert_refused(page, LaunchFault.DENIED)


def test_a_launch_that_took_too_long_shows_nothing(
    context: BrowserContext, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cookie is still there, its time is over."""
    page = context.new_page()
    page.goto(f"{base}/try-it/ehr/launch/{CHILD}")
    monkeypatch.setattr(launch_cookie, "LIFETIME", -1)
    page.get_by_role("button", name="Allow").click()
    page.wait_for_url("**/callback?**")
    assert_refused(page, LaunchFault.STALE)


def stored(database: str) -> dict[tuple[str, str, str], int]:
    """How often which outcome, with which reason, is kept."""
    store = FeedbackStore(database)
    try:
        return {tuple(row[:3]): row[3] for row in store.counted()}  # type: ignore[misc] # three of four
    finally:
        store.close()


def test_a_suggestion_that_is_accepted_is_kept(tab: Page, base: str, database: str) -> None:
    """By the endpoint that an EHR would tell."""
    before = stored(database).get(("stratification", "accepted", ""), 0)
    tab.goto(f"{base}/try-it/patients/{CHILD}")
    card = tab.locator("article.card").first
    card.locator("button.accept").first.click()
    expect(card.get_by_role("status")).to_contain_text("Accepted. The service has kept that")
    assert stored(database)[("stratification", "accepted", "")] == before + 1


def test_an_override_is_kept_with_the_reason_of_the_card(
    tab: Page, base: str, database: str
) -> None:
    """The code that the card offered, in the words that the reader chose."""
    tab.goto(f"{base}/try-it/patients/{CHILD}")
    card = tab.locator("article.card").first
    card.get_by_label("Override, because").select_option(label="Already done")
    card.get_by_role("button", name="Override").click()
    expect(card.get_by_role("status")).to_contain_text("Overridden. The service has kept that")
    assert stored(database)[("stratification", "overridden", "action-completed")] == 1


def test_feedback_that_is_not_kept_is_said(context: BrowserContext, base: str) -> None:
    """In the words of the service."""
    page = context.new_page()
    problem = {"issue": [{"diagnostics": "Feedback cannot be kept now."}]}
    page.route("**/feedback", lambda route: route.fulfill(status=503, body=json.dumps(problem)))
    page.goto(f"{base}/try-it/patients/{CHILD}")
    card = page.locator("article.card").first
    card.locator("button.accept").first.click()
    expect(card.get_by_role("status")).to_have_text("Not kept: Feedback cannot be kept now.")


def test_a_bundle_is_pasted_and_answered(tab: Page, base: str) -> None:
    """The cards stand below what was pasted."""
    tab.goto(f"{base}/try-it/own")
    tab.get_by_label("Paste JSON").fill(FILE.read_text("utf-8"))
    tab.get_by_role("button", name="Show the cards").click()
    expect(tab.locator("article.card").first).to_contain_text("S3, high risk")


def test_a_bundle_is_uploaded_and_answered(tab: Page, base: str) -> None:
    """A file from the disk."""
    tab.goto(f"{base}/try-it/own")
    tab.get_by_label("or choose a file").set_input_files(FILE)
    tab.get_by_role("button", name="Show the cards").click()
    expect(tab.locator("article.card").first).to_contain_text("S3, high risk")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"resourceType": "Bundle", ', "must be JSON"),
        ('{"resourceType": "Bundle", "entry": [{"resource": {}}]}', "entry[0].resource"),
        ('{"hook": "patient-view", "hookInstance": "x", "context": {}}', "context.patientId"),
    ],
)
def test_bad_input_is_explained_by_field_and_can_be_mended(
    context: BrowserContext, base: str, text: str, told: str
) -> None:
    """The text stays, and the reader is told where to look."""
    page = context.new_page()
    page.goto(f"{base}/try-it/own")
    page.get_by_label("Paste JSON").fill(text)
    page.get_by_role("button", name="Show the cards").click()
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page.get_by_label("Paste JSON")).to_have_value(text)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_pages_are_accessible_and_fit_the_screen(
    browser: Browser,
    base: str,
    violations: Callable[[Page], list[str]],
    width: int,
    scheme: str,
) -> None:
    """axe-core finds nothing, and nothing has to be scrolled sideways."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,  # type: ignore[arg-type] # light and dark are two of its literals
    )
    page = context.new_page()
    paths = (
        "/",
        f"/try-it/patients/{CHILD}",
        "/try-it/patients/sample-no-relapse",
        "/try-it/own",
        f"/try-it/ehr/launch/{CHILD}",
        "/launch",
    )
    for path in paths:
        page.goto(f"{base}{path}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        assert violations(page) == [], path
        too_wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(too_wide), path
    context.close()


def test_the_pages_work_by_keyboard_and_without_script(browser: Browser, base: str) -> None:
    """List, cards, launch and page with JavaScript switched off, by Tab and Enter alone."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(base)
    page.locator(f'a[href="/try-it/patients/{CHILD}"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{CHILD}")
    expect(page.get_by_text("The feedback buttons need JavaScript")).to_be_visible()
    page.get_by_role("link", name="Launch the clinician's page").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Allow").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/callback?**")
    expect(page.get_by_text("S3", exact=False).first).to_be_visible()
    context.close()
