"""A client that reads no discovery is given the prefetch to type in, with its version."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service import __main__
from fhir_mappings.codes import site_codes
from fhir_mappings.queries import prefetch_templates, prefetch_version
from fhir_mappings.site_codes import SiteCode

PAGE = Path(__file__).parents[2] / "docs/prefetch.md"


def test_the_prefetch_command_prints_what_discovery_publishes(
    client: FlaskClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each key with its template, and the version of all of them."""
    assert __main__.main(["prefetch"]) == 0
    version, _, *lines = capsys.readouterr().out.splitlines()
    printed = dict(zip(lines[::3], lines[1::3], strict=True))
    assert printed == client.get("/cds-services").json["services"][0]["prefetch"]
    assert version == f"version {prefetch_version()}"


def test_the_page_to_type_from_holds_every_template_and_the_version() -> None:
    """Generated, so it is the prefetch of this version."""
    text = PAGE.read_text(encoding="utf-8")
    assert f"**{prefetch_version()}**" in text
    for key, template in prefetch_templates().items():
        assert f"## `{key}`\n\n```\n{template}\n```" in text


def test_codes_of_a_site_change_the_version() -> None:
    """What was typed in is no longer what is asked for."""
    row = SiteCode("mrd", "https://lab.example.org", "BM-MRD", "MRD", "Laboratory, 2026-11-02")
    own = site_codes([row])
    assert prefetch_version(own) != prefetch_version()
    assert prefetch_version(own) == prefetch_version(site_codes([row]))
