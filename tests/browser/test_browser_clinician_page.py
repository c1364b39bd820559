"""The clinician's page in a browser: every sample patient, on every width, paper and keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader
from sample_facts import sample_facts
from served_app import served_app
from vignette_facts import VIGNETTES, vignette_facts

from cds_service.clinician_page.facts_seal import FactsSeal
from cds_service.clinician_page.page import page_of
from cds_service.config import Config
from cds_service.sample_patients.samples import samples
from relapse_model.amounts import exactly
from relapse_model.dates import partial_date
from relapse_model.decide import decide
from relapse_model.facts import Fact, MrdResult, PatientFacts, Remark
from relapse_model.loader import tables

AXE = Path(__file__).parents[1] / "node" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
A4_POINTS = (595, 842)
KEY = "k" * 40
OPEN = "sample-no-lumbar-puncture"
ASSUMED: list[tuple[str, dict[str, str]]] = [
    (OPEN, {"csf_blasts": "not_seen", "csf_wbc": "under_5"}),
    ("sample-s2-late-marrow", {"mrd": "poor", "therapy_end": "2021-03-15"}),
    (OPEN, {"relapse_date": "last spring"}),
]
PAGES: list[tuple[str, dict[str, str]]] = [*((name, {}) for name in samples()), *ASSUMED]


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The service, in development."""
    smart = replace(Config().smart, cookie_key=KEY)
    with served_app(Config(feedback_database="sqlite://", smart=smart)) as url:
        yield url


def open_page(tab: Page, base: str, facts: PatientFacts, settings: dict[str, str]) -> None:
    """The page of these facts, as the form of a page opens it."""
    fields = {"facts": FactsSeal(KEY).sealed(facts), **settings}
    inputs = "".join(
        f'<input name="{escape(name)}" value="{escape(value)}">' for name, value in fields.items()
    )
    action = f"{base}/clinician-page/what-if"
    tab.set_content(f'<form method="post" action="{action}">{inputs}<button>Go</button></form>')
    with tab.expect_navigation():
        tab.click("button")
    tab.wait_for_load_state()


@contextmanager
def listening(browser: Browser, base: str) -> Iterator[Page]:
    """A tab in which nothing is written to the console and nothing leaves this service.

    A refused form is answered with 400, which chromium writes to the console: that alone is let
    through.
    """
    context = browser.new_context()
    page = context.new_page()
    told: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: told.append(dialog.message))
    yield page
    context.close()
    assert [text for text in told if "status of 400" not in text] == []
    assert [url for url in asked if not url.startswith(f"{base}/clinician-page/")] == []


@pytest.fixture
def quiet_tab(browser: Browser, base: str) -> Iterator[Page]:
    """A tab of a test's own."""
    with listening(browser, base) as page:
        yield page


class Shown(NamedTuple):
    """One page in a tab, and whether it is hypothetical."""

    tab: Page
    assumed: bool


@pytest.fixture(
    scope="module", params=PAGES, ids=[f"{name} {' '.join(keys)}".strip() for name, keys in PAGES]
)
def shown(request: pytest.FixtureRequest, browser: Browser, base: str) -> Iterator[Shown]:
    """Every page of PAGES, opened once."""
    patient_id, settings = request.param
    with listening(browser, base) as page:
        open_page(page, base, sample_facts(patient_id), settings)
        yield Shown(page, bool(settings) and "relapse_date" not in settings)


def test_every_page_fits_a_telephone_and_a_desktop_without_scrolling_sideways(
    shown: Shown,
) -> None:
    """Nor does a word of a chart leave its picture, at 320, 360, 768 and 1280 px."""
    for width in (320, 360, 768, 1280):
        shown.tab.set_viewport_size({"width": width, "height": 800})
        wide = shown.tab.evaluate("document.documentElement.scrollWidth")
        outside = shown.tab.evaluate(
            """() => [...document.querySelectorAll('svg.timeline, svg.mrd')].flatMap((svg) => {
                const room = svg.closest('section').getBoundingClientRect();
                return [...svg.querySelectorAll('text')].filter((text) => {
                    const box = text.getBoundingClientRect();
                    return box.left < room.left || box.right > room.right;
                }).map((text) => text.textContent);
            })"""
        )
        assert wide <= width, width
        assert width < 360 or outside == []


def test_every_page_has_no_violation_that_axe_can_find(shown: Shown) -> None:
    """WCAG 2.2 A and AA, and axe-core's own best practices; all details open."""
    if not AXE.is_file():
        reason = "axe-core is not installed (npm ci --prefix tests/node)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    shown.tab.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    shown.tab.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = shown.tab.evaluate(
        "(tags) => axe.run(document, { runOnly: tags })", TAGS
    )

    told = [
        f"{item['id']}: {node['html'][:120]}"
        for item in found["violations"]
        for node in item["nodes"]
    ]
    assert told == []
    assert len(found["passes"]) > 10


def test_every_page_prints_on_at_most_two_sheets_of_a4(shown: Shown) -> None:
    """For the tumour board: with the plan on the first sheet and the caveat on it too."""
    pages = PdfReader(BytesIO(shown.tab.pdf(prefer_css_page_size=True))).pages
    first = pages[0].extract_text()

    assert len(pages) <= 2
    for page in pages:
        size = (float(page.mediabox.width), float(page.mediabox.height))
        assert size == pytest.approx(A4_POINTS, abs=1)
    assert "One centre group's 2012 approach" in first
    for page in pages:
        assert ("HYPOTHETICAL" in page.extract_text()) == shown.assumed


def test_the_longest_vignettes_print_on_two_sheets_too(quiet_tab: Page, base: str) -> None:
    """The sample patients are short stories; these are the twelve longest pages of all."""
    pages = {
        vignette["id"]: len(page_of(facts, decide(facts)))
        for vignette in VIGNETTES
        for facts in [vignette_facts(vignette["id"])]
    }
    for name in sorted(pages, key=lambda item: pages[item])[-12:]:
        open_page(quiet_tab, base, vignette_facts(name), {})
        printed = quiet_tab.pdf(prefer_css_page_size=True)
        assert len(PdfReader(BytesIO(printed)).pages) <= 2, name


def test_what_if_works_by_keyboard_and_without_script(browser: Browser, base: str) -> None:
    """Choose, press Enter on the button, read the change, and go back to the record."""
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    open_page(tab, base, sample_facts(OPEN), {})
    tab.select_option("#f-csf_blasts", "not_seen")
    tab.select_option("#f-csf_wbc", "under_5")
    tab.focus("text=Show the decision")
    with tab.expect_navigation():
        tab.keyboard.press("Enter")

    assert tab.get_attribute("section.answer", "data-plan") == "HSCT_HR"
    assert "Hypothetical: not this child's record" in tab.inner_text("section.hypothesis h2")
    assert tab.input_value("#f-csf_blasts") == "not_seen"

    with tab.expect_navigation():
        tab.click("text=Back to the record")
    assert tab.get_attribute("section.answer", "data-plan") == "INSUFFICIENT_DATA"
    assert tab.query_selector("section.hypothesis") is None
    context.close()


def test_an_answer_of_a_fork_is_tried_with_one_press(quiet_tab: Page, base: str) -> None:
    """Each adds to what is assumed, and may open the next question: was the tap traumatic?"""
    open_page(quiet_tab, base, sample_facts(OPEN), {})
    for fact, answer in (("csf_blasts", "seen"), ("csf_wbc", "5_or_more"), ("csf_rbc", "under_10")):
        known = tables().facts[fact]
        name = f"{known.label}: {known.values[answer]}"
        with quiet_tab.expect_navigation():
            quiet_tab.get_by_role("button", name=f"Try {name}").click()

    assert quiet_tab.get_attribute("section.answer", "data-plan") == "CHEMO_THEN_MRD"


def test_the_first_tab_stop_leads_past_the_header_and_shows_where_it_is(
    quiet_tab: Page, base: str
) -> None:
    """A skip link that becomes visible, and a focus ring."""
    open_page(quiet_tab, base, sample_facts(OPEN), {})
    quiet_tab.keyboard.press("Tab")
    box = quiet_tab.locator(".skip").bounding_box()
    outline = quiet_tab.evaluate("getComputedStyle(document.activeElement).outlineStyle")

    assert quiet_tab.evaluate("document.activeElement.className") == "skip"
    assert box is not None
    assert box["x"] >= 0
    assert outline == "solid"


def test_hostile_text_from_a_record_is_shown_and_does_nothing(quiet_tab: Page, base: str) -> None:
    """Markup in every string that FHIR can bring: no element, no dialog, no request."""
    bad = "\"'><script>alert(1)</script><img src=//evil.example/x onerror=alert(2)>{{7*7}}"
    facts = sample_facts("sample-s2-late-marrow-mrd-good")
    hostile = Fact(facts.sex.values, (f"Patient/{bad}",), bad)
    result = MrdResult(partial_date("2022-05-01"), exactly("0.01"), "flow", "marrow", bad, (bad,))
    facts = facts.with_facts(
        sex=hostile,
        birth_date=Fact(facts.birth_date.values, (f"Patient/{bad}",), bad),
        genetics=Fact(facts.genetics.values, (bad,), bad),
        mrd=(*facts.mrd, result),
        remarks=(Remark("UNREADABLE", bad, (bad,)),),
    )
    open_page(quiet_tab, base, facts, {"csf_blasts": "seen"})

    assert quiet_tab.locator("script").count() == 1
    assert quiet_tab.locator("img").count() == 0
    assert "<script>alert(1)</script>" in quiet_tab.inner_text("section.record")
    assert "49" not in quiet_tab.inner_text(".remarks")
