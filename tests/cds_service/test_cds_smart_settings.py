"""Settings of a SMART launch: what keeps the service from starting, and when the page is off."""

from __future__ import annotations

import pytest
from trusted_clients import production_environment

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import SettingError

ISS = "https://ehr.example.org/fhir/r4"
PUBLIC = "https://cds.example.org/all"


def test_in_production_the_page_is_off_until_it_is_configured() -> None:
    """No address of it is there, and no card links to it."""
    config = Config.from_environment(production_environment())
    client = create_app(config).test_client()
    for address in ("/launch", "/callback", "/try-it/ehr/token", "/try-it/own"):
        assert client.get(address).status_code == 404


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"CDS_SMART_COOKIE_KEY": ""}, "CDS_SMART_COOKIE_KEY"),
        ({"CDS_SMART_COOKIE_KEY": "short"}, "CDS_SMART_COOKIE_KEY"),
        ({"CDS_SMART_ISSUERS": ""}, "CDS_SMART_ISSUERS"),
        ({"CDS_SMART_ISSUERS": "http://ehr.example.org/fhir"}, "CDS_SMART_ISSUERS"),
        ({"CDS_PUBLIC_URL": ""}, "CDS_PUBLIC_URL"),
        ({"CDS_PUBLIC_URL": "http://cds.example.org"}, "CDS_PUBLIC_URL"),
        ({"CDS_SMART_AUTHORIZATION_ORIGINS": "https://a/b"}, "CDS_SMART_AUTHORIZATION_ORIGINS"),
    ],
)
def test_a_page_that_cannot_be_launched_safely_does_not_start(
    changes: dict[str, str], named: str
) -> None:
    """In production: https, a key of one's own, and EHRs that are listed."""
    environ = {
        "CDS_MODE": "production",
        "CDS_PUBLIC_URL": PUBLIC,
        "CDS_SMART_CLIENT_ID": "page",
        "CDS_SMART_COOKIE_KEY": "k" * 32,
        "CDS_SMART_ISSUERS": ISS,
    }
    assert Config.from_environment(environ).smart.on
    with pytest.raises(SettingError) as error:
        Config.from_environment({**environ, **changes})
    assert error.value.setting == named


def test_workers_of_one_service_sign_alike() -> None:
    """Each reads the environment by itself; where it has no key it gets one, made once."""
    environ: dict[str, str] = {}
    Config.from_environment(environ).smart.share_key(environ)
    shared = Config.from_environment(environ).smart
    assert len(shared.cookie_key) >= 32
    shared.share_key(environ)
    assert Config.from_environment(environ).smart == shared, "a key that is there stays"


def test_a_page_that_is_off_gets_no_key() -> None:
    """Nothing would be signed with it."""
    environ = {"CDS_SMART_CLIENT_ID": ""}
    Config.from_environment(environ).smart.share_key(environ)
    assert set(environ) == {"CDS_SMART_CLIENT_ID"}


def test_a_frame_needs_https() -> None:
    """A cookie in a frame is kept by browsers over https alone."""
    environ = {"CDS_SMART_EMBEDDERS": "https://ehr.example.org"}
    with pytest.raises(SettingError, match="CDS_SMART_EMBEDDERS"):
        Config.from_environment(environ)
