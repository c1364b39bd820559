"""Which FHIR servers may be asked, and in what time."""

from __future__ import annotations

import pytest

from cds_service.config import Config
from cds_service.errors import SettingError
from cds_service.fhir_server.settings import BaseUrl


def test_by_default_only_this_machine_may_be_asked_and_only_in_development() -> None:
    """In production nothing is asked that is not listed."""
    trial = Config.from_environment({}).fhir
    real = Config.from_environment({"CDS_MODE": "production"}).fhir
    assert (trial.deadline_ms, trial.loopback, real.loopback) == (2_000, True, False)
    base = BaseUrl.parse("http://127.0.0.1:8080/fhir")
    assert base is not None
    assert trial.refusal(base, with_token=False) == ""
    assert real.refusal(base, with_token=True)


def test_a_listed_server_needs_a_token_and_an_open_one_does_not() -> None:
    """Both compared by scheme, host, port and path."""
    settings = Config.from_environment(
        {
            "CDS_FHIR_SERVERS": "https://EHR.example.org/r4/, https://b.example.org/fhir",
            "CDS_FHIR_OPEN_SERVERS": "http://open.example.org/r4",
            "CDS_MODE": "production",
        }
    ).fhir
    for url, with_token, allowed in (
        ("https://ehr.example.org:443/r4", True, True),
        ("https://ehr.example.org/r4", False, False),
        ("https://ehr.example.org/r5", True, False),
        ("http://ehr.example.org/r4", True, False),
        ("http://open.example.org/r4/", False, True),
    ):
        base = BaseUrl.parse(url)
        assert base is not None
        assert (settings.refusal(base, with_token=with_token) == "") is allowed, url


@pytest.mark.parametrize(
    "url",
    [
        "ehr.example.org/r4",
        "ftp://ehr.example.org/r4",
        "https://u:p@ehr.example.org/r4",
        "https://ehr.example.org/r4?a=1",
        "https://ehr.example.org/r4#a",
        "https://ehr.example.org/../r4",
        "https://ehr.example.org/%2e%2e/r4",
        "https://ehr.example.org:99999/r4",
        "https://[bad/r4",
        "https://ehr.example.org\\@evil.example.org/",
        "",
    ],
)
def test_what_is_no_plain_base_url_is_refused(url: str) -> None:
    """As the address of a call, and, unless empty, as a setting."""
    assert BaseUrl.parse(url) is None
    if url:
        with pytest.raises(SettingError, match="CDS_FHIR_SERVERS"):
            Config.from_environment({"CDS_FHIR_SERVERS": url})


@pytest.mark.parametrize("value", ["99", "60001", "2s", "-1", ""])
def test_a_deadline_outside_its_range_refuses_to_start(value: str) -> None:
    """A tenth of a second to a minute."""
    with pytest.raises(SettingError, match="CDS_FHIR_DEADLINE_MS"):
        Config.from_environment({"CDS_FHIR_DEADLINE_MS": value})
