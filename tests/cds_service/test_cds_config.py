"""A bad setting refuses to start and is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.config import Config
from cds_service.errors import SettingError
from cds_service.settings import Setting, declared

KEY = "k" * 40


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
    settings = {"CDS_MODE": "production", "HOST": host, "PORT": "9000"}
    assert Config.from_environment(settings).base_url == base


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        ("PORT", "٨٠"),
        ("HOST", ""),
        ("HOST", "a b"),
        ("HOST", "0.0.0.0"),  # noqa: S104 - development mode is for this machine alone
        ("HOST", "ehr.example"),
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


def test_a_secret_can_be_given_as_a_file(tmp_path: Path) -> None:
    """As containers hand secrets over; the line end of the file is not part of it."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    config = Config.from_environment(
        {
            "CDS_ALERT_FATIGUE_HOURS": "8",
            "CDS_ALERT_FATIGUE_KEY_FILE": str(tmp_path / "key"),
        }
    )
    assert config.alert_fatigue_key == KEY


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({"CDS_ALERT_FATIGUE_KEY_FILE": "/nowhere/key"}, "CDS_ALERT_FATIGUE_KEY_FILE"),
        (
            {"CDS_ALERT_FATIGUE_KEY_FILE": "/dev/null", "CDS_ALERT_FATIGUE_KEY": KEY},
            "CDS_ALERT_FATIGUE_KEY",
        ),
        ({"CDS_BODY_LIMIT_FILE": "/dev/null"}, "CDS_BODY_LIMIT_FILE"),
    ],
)
def test_a_file_of_a_secret_that_cannot_be_used_refuses_to_start(
    environ: dict[str, str], named: str
) -> None:
    """One that is not there, one too many, and one for a setting that is no secret."""
    with pytest.raises(SettingError) as refusal:
        Config.from_environment(environ)
    assert refusal.value.setting == named


def test_no_secret_is_shown_when_the_settings_are_printed() -> None:
    """In a traceback, say."""
    config = Config(alert_fatigue_key=KEY, feedback_database="postgresql://u:pw@db/f")
    assert KEY not in repr(config)
    assert "pw@db" not in repr(config)


def test_every_setting_says_what_it_means_and_stands_in_the_documentation() -> None:
    """docs/settings.md is made from the declarations that read the environment."""
    page = (Path(__file__).parents[2] / "docs/settings.md").read_text("utf-8")
    names = [item.name for item in declared(Config)]
    assert len(names) == len(set(names)) > 1
    assert all(f"| `{item.name}` | {item.about}" in page for item in declared(Config))


@pytest.mark.parametrize("item", list(declared(Config)), ids=lambda item: item.name)
def test_every_default_and_example_of_a_setting_can_be_read(item: Setting) -> None:
    """What the page of settings shows may be copied from it."""
    for mode in ("development", "production"):
        item.value({}, mode)
    if item.name == "CDS_LOCAL_CODES":  # its example is a file of the site
        with pytest.raises(SettingError, match="must name a file that can be read"):
            item.value({item.name: item.example}, "production")
    elif item.example:
        item.value({item.name: item.example}, "production")
    else:
        assert item.default or item.secret, "an empty default needs an example"
