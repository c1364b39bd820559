"""A bad setting refuses to start and is named."""

from __future__ import annotations

import pytest

from cds_service.config import Config
from cds_service.errors import SettingError


def test_without_settings_the_service_is_for_trial_on_this_machine() -> None:
    """127.0.0.1:8080 with sample patients, any origin, bodies up to 10 MB."""
    config = Config.from_environment({"PATH": "/bin"})
    assert config == Config()
    assert config.base_url == "http://127.0.0.1:8080"
    assert (config.development, config.sample_patients, config.body_limit) == (
        True,
        True,
        10_000_000,
    )


def test_production_has_no_sample_patients_and_only_listed_origins() -> None:
    """Nothing of the trial is on in production unless it is asked for."""
    config = Config.from_environment(
        {
            "CDS_MODE": "production",
            "CDS_ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
        }
    )
    assert not config.development
    assert not config.sample_patients
    assert config.allowed_origins == ("https://a.example", "https://b.example:8443")


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("0.0.0.0", "http://127.0.0.1:9000"),  # noqa: S104 - what is told, not what is bound
        ("::1", "http://[::1]:9000"),
        ("ehr.example", "http://ehr.example:9000"),
    ],
)
def test_the_address_told_is_one_that_can_be_called(host: str, base: str) -> None:
    """Listening everywhere is told as 127.0.0.1."""
    assert Config.from_environment({"HOST": host, "PORT": "9000"}).base_url == base


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("PORT", "٨٠"),
        ("HOST", ""),
        ("HOST", "a b"),
        ("CDS_MODE", "Production"),
        ("CDS_SAMPLE_PATIENTS", "true"),
        ("CDS_BODY_LIMIT", "10MB"),
        ("CDS_BODY_LIMIT", "0"),
        ("CDS_ALLOWED_ORIGINS", "*"),
        ("CDS_ALLOWED_ORIGINS", "https://a.example/"),
        ("CDS_ALLOWED_ORIGINS", "https://*.example"),
        ("CDS_ALLOWED_ORIGINS", "a.example"),
        ("CDS_ALLOWED_ORIGINS", "https://u@a.example"),
        ("CDS_ALLOWED_ORIGINS", "https://[a"),
        ("CDS_MDOE", "production"),
    ],
)
def test_a_value_that_cannot_be_used_refuses_to_start_and_names_the_setting(
    name: str, value: str
) -> None:
    """A misspelt setting is refused as well: it would be a silent default."""
    with pytest.raises(SettingError) as refusal:
        Config.from_environment({name: value})
    assert refusal.value.setting == name
    assert name in str(refusal.value)


def test_sample_patients_cannot_be_switched_on_in_production() -> None:
    """Invented children never stand beside real ones."""
    with pytest.raises(SettingError, match="CDS_SAMPLE_PATIENTS"):
        Config.from_environment({"CDS_MODE": "production", "CDS_SAMPLE_PATIENTS": "on"})
