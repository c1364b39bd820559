"""``python -m cds_service check`` finds what keeps a service from starting, without serving."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from trusted_clients import production_environment

from cds_service import __main__
from cds_service.self_check import self_check

TODAY = date(2026, 11, 24)
LATER = date(2028, 1, 1)
CODES = """
[[codes]]
set = "mrd"
system = "https://lab.example.org/catalogue"
code = "BM-MRD"
display = "MRD, bone marrow"
verified_by = "Laboratory, 2026-11-02"
"""


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """The environment of a site in production, with codes of its own."""
    codes = tmp_path / "codes.toml"
    codes.write_text(CODES, encoding="utf-8")
    return {**production_environment(tmp_path), "CDS_LOCAL_CODES": str(codes)}


def test_a_sound_site_is_told_part_by_part(site: dict[str, str]) -> None:
    """One line each, and no warning on a day on which nothing is overdue."""
    done = self_check(site, TODAY)
    told = {line[:18].strip(): line[18:] for line in done.lines}
    assert done.sound
    assert told["settings"].startswith("production, ")
    assert told["trust file"] == "1 clients"
    assert told["local codes"] == "1 codes"
    assert told["decision tables"].partition(", ")[2].startswith("sha256:")
    assert told["all together"] == "would start"
    assert "warning" not in told
    assert len(told) == len(done.lines)


@pytest.mark.parametrize(
    ("name", "text", "part", "place"),
    [
        ("CDS_PUBLIC_URL", "ftp://x", "settings", "setting CDS_PUBLIC_URL"),
        ("CDS_PUBLICURL", "https://x.example", "settings", "setting CDS_PUBLICURL"),
        ("CDS_LOCAL_CODES", "/nowhere", "settings", "setting CDS_LOCAL_CODES"),
        ("CDS_TRUST_FILE", "/nowhere", "trust file", "setting CDS_TRUST_FILE"),
        ("CDS_REPLAY_STORE", "memory", "all together", "setting CDS_REPLAY_STORE"),
        ("CDS_FEEDBACK_DATABASE", "mysql://x", "all together", "setting CDS_FEEDBACK_DATABASE"),
    ],
)
def test_what_is_wrong_is_named_with_its_part_and_place(
    site: dict[str, str], name: str, text: str, part: str, place: str
) -> None:
    """Exit status 2; the value is not repeated, it could be a secret."""
    done = self_check({**site, name: text}, TODAY)
    wrong = [line for line in done.lines if "WRONG" in line]
    assert not done.sound
    assert wrong[0].startswith(part)
    assert place in wrong[0]


def test_a_place_in_a_file_is_named(site: dict[str, str], tmp_path: Path) -> None:
    """Of the trust file and of the local codes."""
    trust = tmp_path / "trust.toml"
    trust.write_text(trust.read_text().replace("[[clients]]", "[[clients]]\nodd = 1", 1))
    assert any("clients[0]" in line for line in self_check(site, TODAY).lines)
    codes = Path(site["CDS_LOCAL_CODES"])
    codes.write_text(CODES.replace('set = "mrd"', 'set = "mdr"'), encoding="utf-8")
    done = self_check(site, TODAY)
    assert "mdr" in done.lines[0]
    assert not done.sound


def test_content_that_nobody_looked_at_for_a_year_is_a_warning(site: dict[str, str]) -> None:
    """It names table and owner, and fails nothing: the service goes on."""
    done = self_check(site, LATER)
    warnings = [line for line in done.lines if line.startswith("warning")]
    assert done.sound
    assert any("table plan " in line and "owner: " in line for line in warnings)
    assert any("source locatelli-2012 " in line for line in warnings)


def test_the_check_command_exits_as_it_found(
    site: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """0 and 2, on the lines that it prints."""
    for name, text in site.items():
        monkeypatch.setenv(name, text)
    assert __main__.main(["check"]) == 0
    assert "would start" in capsys.readouterr().out
    monkeypatch.setenv("CDS_MODE", "trial")
    assert __main__.main(["check"]) == 2
    assert "WRONG: setting CDS_MODE" in capsys.readouterr().out
