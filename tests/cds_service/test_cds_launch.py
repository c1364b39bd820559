"""The launch of the clinician's page from the built-in test EHR, over HTTP, without a browser."""

from __future__ import annotations

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from hashlib import sha256

import pytest
import requests
from itsdangerous import URLSafeTimedSerializer
from launches import CHILD, Launch, query_of
from served_app import served_app

from cds_service.clinician_page import launch_cookie
from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.config import Config

NAME = "Inventedchild"
SCOPES = {
    "launch",
    "patient/Patient.rs",
    "patient/Condition.rs",
    "patient/Observation.rs",
    "patient/Procedure.rs",
    "patient/MedicationRequest.rs",
    "patient/Specimen.rs",
}


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    """The service with its test EHR."""
    with served_app() as url:
        yield url


@pytest.fixture
def launch(base: str) -> Launch:
    """A launch of one invented child, in a browser without cookies."""
    return Launch(base)


def refused(response: requests.Response, fault: LaunchFault) -> bool:
    """Whether the answer is the page of ``fault``, with nothing of the child in it."""
    return (
        response.status_code == fault.status
        and f"<h1>{fault.heading}</h1>".replace("'", "&#x27;") in response.text
        and response.headers["Content-Type"].startswith("text/html")
        and NAME not in response.text
        and "HSCT" not in response.text
        and CHILD not in response.text
    )


def test_the_page_asks_for_the_least_with_pkce_and_for_this_ehr(launch: Launch) -> None:
    """SMART App Launch 2.0: response type, client, scopes, aud, state and an S256 challenge."""
    asked = query_of(launch.authorization_url())
    assert asked["response_type"] == "code"
    assert asked["aud"] == f"{launch.base}/try-it/ehr/fhir"
    assert asked["redirect_uri"] == f"{launch.base}/callback"
    assert set(asked["scope"].split()) == SCOPES
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    (cookie,) = launch.session.cookies
    payload = URLSafeTimedSerializer("x").loads_unsafe(cookie.value or "")[1]
    digest = sha256(payload["verifier"].encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]


def test_the_cookie_of_a_launch_is_short_lived_and_for_the_callback_alone(launch: Launch) -> None:
    """Scripts do not see it, other sites do not send it, other addresses do not get it."""
    told = launch.get(launch.launch_url()).headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/callback", "Max-Age=600"} <= set(told.split("; "))


def test_a_launch_ends_in_the_page_of_the_open_chart(launch: Launch) -> None:
    """The page says what the hook says of the same child, and the cookie is gone."""
    response = launch.get(launch.callback_url())
    assert response.status_code == 200
    assert "S3" in response.text
    assert not list(launch.session.cookies)
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "unsafe" not in response.headers["Content-Security-Policy"]


def test_the_log_names_the_ehr_of_a_launch_and_nothing_of_the_child(
    launch: Launch, base: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Who asked is known, although no token of CDS Hooks came."""
    with caplog.at_level(logging.INFO, "cds_service.decisions"):
        assert launch.get(launch.callback_url()).status_code == 200
    told = [json.loads(record.getMessage()) for record in caplog.records]
    (line,) = (line for line in told if line.get("hook") == "smart-launch")
    assert line["client"].startswith(base)
    assert CHILD not in caplog.text
    assert NAME not in caplog.text


def test_a_callback_is_answered_once(launch: Launch) -> None:
    """The same address again, in the same browser, shows nothing."""
    url = launch.callback_url()
    assert launch.get(url).status_code == 200
    assert refused(launch.get(url), LaunchFault.STALE)


def test_a_code_that_was_used_opens_nothing_even_with_its_cookie(launch: Launch) -> None:
    """A copied cookie brings the callback back to the EHR, which takes a code once."""
    url = launch.callback_url()
    cookies = launch.session.cookies.copy()
    assert launch.get(url).status_code == 200
    launch.session.cookies = cookies
    assert refused(launch.get(url), LaunchFault.NO_TOKEN)


def test_a_launch_id_is_good_once(launch: Launch) -> None:
    """The EHR refuses it the second time, and the page says so."""
    url = launch.launch_url()
    assert "consent" in launch.session.get(url, timeout=10).text
    assert refused(launch.session.get(url, timeout=10), LaunchFault.REFUSED)


def test_denied_consent_shows_no_data(launch: Launch) -> None:
    """The reader said no."""
    assert refused(launch.get(launch.callback_url("deny")), LaunchFault.DENIED)


@pytest.mark.parametrize(
    "iss",
    [
        "https://elsewhere.example/fhir",
        "https://127.0.0.1.elsewhere.example/fhir",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/fhir",
    ],
)
def test_an_ehr_that_is_not_listed_is_not_asked(
    launch: Launch, iss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign ``iss`` ends here: nothing leaves this machine."""
    monkeypatch.setattr("cds_service.clinician_page.launch.SmartServer", None)
    response = launch.session.get(
        f"{launch.base}/launch", params={"iss": iss, "launch": "x"}, timeout=10
    )
    assert refused(response, LaunchFault.FOREIGN)


@pytest.mark.parametrize(
    "query",
    ["", "iss=http://127.0.0.1:1/fhir", "launch=x", "iss=ftp://127.0.0.1/&launch=x",
     "iss=http://127.0.0.1/a&iss=http://127.0.0.1/b&launch=x", "iss=javascript:alert(1)&launch=x",
     "iss=http://u:p@127.0.0.1/fhir&launch=x"],
)  # fmt: skip
def test_a_launch_without_ehr_or_chart_is_explained(launch: Launch, query: str) -> None:
    """Both must be there, once, and the EHR must be a base URL."""
    assert refused(launch.get(f"{launch.base}/launch?{query}"), LaunchFault.INCOMPLETE)


def test_an_ehr_without_smart_configuration_is_explained(launch: Launch) -> None:
    """The sample FHIR server is no SMART server."""
    url = f"{launch.base}/launch?iss={launch.base}/fhir&launch=x"
    assert refused(launch.get(url), LaunchFault.NO_CONFIGURATION)


def test_a_wrong_state_is_refused(launch: Launch) -> None:
    """The state must be the one of this browser's launch."""
    url = launch.callback_url()
    state = query_of(url)["state"]
    other = Launch(launch.base)
    assert refused(launch.get(url.replace(state, state[::-1])), LaunchFault.STALE)
    assert refused(launch.get(url.replace(f"state={state}", "")), LaunchFault.STALE)
    assert refused(other.get(url), LaunchFault.STALE), "another browser"
    assert launch.get(url).status_code == 200, "none of these used the launch up"


def test_a_cookie_that_was_altered_is_refused(launch: Launch) -> None:
    """Its signature holds every character; another's signature is none."""
    url = launch.callback_url()
    (cookie,) = launch.session.cookies
    value = cookie.value or ""
    payload = URLSafeTimedSerializer("x").loads_unsafe(value)[1]
    forged = URLSafeTimedSerializer("0" * 64, salt="smart-launch").dumps(payload)
    for altered in (f"x{value[1:]}", value[:-1], f"{value}x", forged):
        header = {"Cookie": f"{cookie.name}={altered}"}
        response = requests.get(url, headers=header, allow_redirects=False, timeout=10)
        assert refused(response, LaunchFault.STALE)


def test_a_launch_that_took_too_long_is_refused(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signature carries its time: a browser that keeps the cookie longer gains nothing."""
    url = launch.callback_url()
    monkeypatch.setattr(launch_cookie, "LIFETIME", -1)
    assert refused(launch.get(url), LaunchFault.STALE)


def test_two_charts_are_launched_side_by_side(base: str) -> None:
    """Each tab has its own cookie: none ends in the other's chart."""
    first = Launch(base)
    second = Launch(base, "sample-s1-late-cns", first.session)
    first_url, second_url = first.callback_url(), second.callback_url()
    assert "CHEMO_LOCAL_NO_HSCT" in second.get(second_url).text
    assert "CHEMO_LOCAL_NO_HSCT" not in first.get(first_url).text


def test_a_confidential_client_proves_itself_by_its_secret() -> None:
    """HTTP Basic at the token endpoint (SMART: client-confidential-symmetric)."""
    smart = Config().smart
    secret = "s" * 40
    config = Config(
        feedback_database="sqlite://", smart=type(smart)(client_id="page", client_secret=secret)
    )
    with served_app(config) as base:
        launch = Launch(base)
        assert "S3" in launch.get(launch.callback_url()).text
