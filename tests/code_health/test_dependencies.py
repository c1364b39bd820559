"""Every dependency has a reason and a licence under which it may be delivered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from docs import dependencies_page
from docs.dependencies_page import dependencies, direct, licence, normal

DELIVERABLE = re.compile(r"MIT|BSD|Apache|PSF|LGPL|MPL|Mozilla Public License 2\.0|ISC|Unlicense")
NOT_DELIVERABLE = re.compile(r"(?<!L)GPL|AGPL|SSPL|Affero|not stated|UNKNOWN")


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, Any]:
    """The project table of pyproject.toml."""
    return dict(tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"])


@pytest.fixture(scope="module")
def running(root: Path) -> set[str]:
    """What the lock of what runs pins on every platform."""
    lock = (root / "requirements.lock").read_text("utf-8")
    return set(re.findall(r"^([a-z0-9-]+)==[^\s;]+ \\$", lock, re.MULTILINE))


def test_every_direct_dependency_stands_on_the_page_with_reason_and_licence(
    project: dict[str, Any], root: Path
) -> None:
    """And nothing else does."""
    text = (root / "docs/dependencies.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \| .+ \|$", text, re.MULTILINE))
    assert set(rows) == {name for names in direct(project).values() for name in names}
    assert all(len(reason.split()) >= 3 for reason in rows.values())


def test_a_dependency_without_a_reason_fails_the_check(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is added to pyproject.toml alone, and a reason that is left over."""
    (tmp_path / "docs").mkdir()
    lock, reasons = "requirements.lock", "docs/dependencies.toml"
    asked = (root / "pyproject.toml").read_text("utf-8")
    told = (root / reasons).read_text("utf-8")
    monkeypatch.setattr(dependencies_page, "ROOT", tmp_path)
    for pyproject, toml in (
        (asked.replace('"Flask>=3.1,<4",', '"Flask>=3.1,<4", "leftpad",'), told),
        (asked, told.replace("[redis]", '[redis]\nleftpad = "Pads on the left, at last."')),
    ):
        assert "leftpad" in pyproject + toml
        (tmp_path / "pyproject.toml").write_text(pyproject, "utf-8")
        (tmp_path / reasons).write_text(toml, "utf-8")
        (tmp_path / lock).write_text((root / lock).read_text("utf-8"), "utf-8")
        with pytest.raises(KeyError, match="leftpad"):
            dependencies(lambda _head, rows: [str(list(rows))])


def test_everything_that_is_delivered_has_a_licence_that_allows_it(running: set[str]) -> None:
    """Permissive, or LGPL and MPL for what is used unchanged; nothing unstated."""
    found = {name: licence(name) for name in running}
    assert {name: text for name, text in found.items() if not DELIVERABLE.search(text)} == {}
    assert {name: text for name, text in found.items() if NOT_DELIVERABLE.search(text)} == {}


def test_a_second_reader_of_licences_finds_none_that_is_not_allowed(running: set[str]) -> None:
    """pip-licenses looks at all that a package says, not at the first thing."""
    done = subprocess.run(
        [sys.executable, "-m", "piplicenses", "--from=all", "--format=json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    told = {normal(row["Name"]): row for row in json.loads(done.stdout)}
    assert running <= set(told)
    for name in running:
        texts = [text for key, text in told[name].items() if key.startswith("License")]
        assert any(DELIVERABLE.search(text) for text in texts), name
        assert not any(re.search(r"(?<!L)GPL|Affero", text) for text in texts), name
