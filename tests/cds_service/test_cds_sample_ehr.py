"""The built-in test EHR is strict: what a real one must refuse, it refuses too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from launches import CHILD, Launch, query_of
from served_app import served_app

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.try_it.grants import Grants


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The service with its test EHR."""
    with served_app() as url:
        yield url


def exchange(launch: Launch, **changes: str) -> requests.Response:
    """A code at the token endpoint, as the page would send it but for ``changes``."""
    code = query_of(launch.callback_url())["code"]
    (cookie,) = launch.session.cookies
    verifier = URLSafeTimedSerializer("x").loads_unsafe(cookie.value or "")[1]["verifier"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": f"{launch.base}/callback",
        "client_id": "relapsed-all-cds",
        **changes,
    }
    return requests.post(f"{launch.base}/try-it/ehr/token", data=form, timeout=10)


def test_a_code_with_its_verifier_opens_the_patient_of_the_launch(base: str) -> None:
    """The response names the patient, and the token is a bearer token."""
    told = exchange(Launch(base)).json()
    assert told["patient"] == CHILD
    assert {"token_type": "Bearer", "expires_in": 300}.items() <= told.items()


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "guessed"},
        {"code_verifier": "v" * 43},
        {"code_verifier": ""},
        {"redirect_uri": "https://elsewhere.example/callback"},
        {"grant_type": "client_credentials"},
    ],
)
def test_a_code_alone_opens_nothing(base: str, changes: dict[str, str]) -> None:
    """PKCE, redirect URI and grant type are as they were asked for, or there is no token."""
    response = exchange(Launch(base), **changes)
    assert (response.status_code, response.json()) == (400, {"error": "invalid_grant"})


def test_another_client_gets_no_token(base: str) -> None:
    """There is one registered client."""
    response = exchange(Launch(base), client_id="other")
    assert (response.status_code, response.json()) == (401, {"error": "invalid_client"})


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"Patient/{CHILD}", 200),
        (f"Condition?patient={CHILD}", 200),
        (f"Condition?subject=Patient/{CHILD}", 200),
        ("Patient/sample-s1-late-cns", 403),
        ("Patient", 403),
        ("Condition", 403),
        ("Condition?patient=sample-s1-late-cns", 403),
        (f"Condition?patient={CHILD},sample-s1-late-cns", 403),
        (f"Condition?patient={CHILD}&patient=sample-s1-late-cns", 403),
        ("Condition/s3-early-marrow-diagnosis", 403),
    ],
)
def test_a_token_opens_its_own_patient_alone(base: str, path: str, status: int) -> None:
    """Whatever is asked about another, or about all, is refused."""
    token = exchange(Launch(base)).json()["access_token"]
    header = {"Authorization": f"Bearer {token}"}
    response = requests.get(f"{base}/try-it/ehr/fhir/{path}", headers=header, timeout=10)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/fhir+json"


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
def test_without_a_token_the_record_is_closed(base: str, header: dict[str, str]) -> None:
    """401, as an OperationOutcome."""
    url = f"{base}/try-it/ehr/fhir/Patient/{CHILD}"
    response = requests.get(url, headers=header, timeout=10)
    assert response.status_code == 401
    assert response.json()["resourceType"] == "OperationOutcome"


def altered(base: str, changes: dict[str, str]) -> requests.Response:
    """The authorization request of the page, but for ``changes``."""
    launch = Launch(base)
    url = launch.authorization_url()
    query = {**query_of(url), **changes}
    return launch.session.get(
        url.partition("?")[0], params=query, allow_redirects=False, timeout=10
    )


@pytest.mark.parametrize(
    "changes",
    [{"redirect_uri": "https://elsewhere.example/callback"}, {"client_id": "other"}],
)
def test_the_browser_is_never_sent_to_an_address_that_is_not_registered(
    base: str, changes: dict[str, str]
) -> None:
    """400 and no redirect (RFC 6749, 4.1.2.1)."""
    response = altered(base, changes)
    assert response.status_code == 400
    assert "Location" not in response.headers


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://elsewhere.example/fhir"},
        {"launch": "guessed"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"response_type": "token"},
    ],
)
def test_a_request_that_is_not_sound_is_sent_back_without_a_code(
    base: str, changes: dict[str, str]
) -> None:
    """``aud``, launch, PKCE and response type."""
    query = query_of(altered(base, changes).headers["Location"])
    assert query["error"] == "invalid_request"
    assert "code" not in query
    assert query["state"]


def test_a_consent_is_given_once(base: str) -> None:
    """The form sent twice brings one code."""
    launch = Launch(base)
    form = {"consent": launch.consent(), "answer": "allow"}
    url = f"{base}/try-it/ehr/authorize"
    first, second = (
        requests.post(url, data=form, allow_redirects=False, timeout=10) for _ in range(2)
    )
    assert (first.status_code, second.status_code) == (302, 400)


def test_several_workers_have_no_test_ehr_because_it_is_in_the_memory_of_one() -> None:
    """The cards are there, without a launch that would fail every second time."""
    several = create_app(Config(feedback_database="sqlite://", workers=2)).test_client()
    assert several.get(f"/try-it/ehr/launch/{CHILD}").status_code == 404
    page = several.get(f"/try-it/patients/{CHILD}").get_data(as_text=True)
    assert "/try-it/ehr/launch/" not in page
    assert "S3, high risk" in page


def test_an_unknown_child_cannot_be_launched(client: FlaskClient) -> None:
    """404, as for any sample."""
    assert client.get("/try-it/ehr/launch/nobody").status_code == 404


def test_what_was_granted_ends_with_its_time_and_with_its_use() -> None:
    """Taken once, looked at while it is good, and never after."""
    clock: list[float] = [0]
    grants: Grants[Any] = Grants(10, now=lambda: clock[0])
    once, often = grants.give("once"), grants.give("often")
    assert (grants.take(once), grants.take(once)) == ("once", None)
    assert (grants.look(often), grants.look(often)) == ("often", "often")
    clock[0] = 10
    assert grants.look(often) is None
    assert grants.take(often) is None
    assert grants.take("never") is None


def test_a_thousand_grants_are_kept_and_no_more() -> None:
    """Whoever asks for ever more makes the oldest be forgotten, not the memory grow."""
    grants: Grants[int] = Grants(10)
    names = [grants.give(number) for number in range(1_001)]
    assert grants.look(names[0]) is None
    assert grants.look(names[1]) == 1
