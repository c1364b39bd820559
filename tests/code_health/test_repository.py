"""What the repository holds besides code: nothing of a machine, and locks that are locks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home|farm|Users)/\w|/tmp/\w+/")
LOCKS = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
MARKER = r"[a-z_]+ (?:[!=]=|[<>]=?) '[\w.]+'"
PIN = re.compile(rf"^([a-z0-9-]+)==[^\s;]+( ; {MARKER}( and {MARKER})*)?( \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def test_no_file_names_a_path_of_somebodys_machine(files: list[Path], root: Path) -> None:
    """A checkout works wherever it lies."""
    named = [
        f"{path.relative_to(root)}: {match.group()}"
        for path in files
        if (match := MACHINE_PATH.search(path.read_text(encoding="utf-8", errors="ignore")))
    ]

    assert not named


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_holds_pins_and_hashes_and_nothing_else(name: str, root: Path) -> None:
    """No address of an index, no path, no package without a hash."""
    lines = (root / name).read_text(encoding="utf-8").splitlines()
    pins = [number for number, line in enumerate(lines) if PIN.match(line)]

    assert [line for line in lines if not (PIN.match(line) or HASH.match(line))] == []
    assert pins
    assert all(HASH.match(lines[number + 1]) for number in pins)


def test_the_lock_files_hold_what_pyproject_asks_for(root: Path) -> None:
    """Every direct requirement is pinned where it is needed, and the pins agree."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    running, build, dev = (_pins(root / name) for name in LOCKS)
    asked = {_name(text) for text in project["project"]["dependencies"]}
    tools = {_name(text) for text in project["project"]["optional-dependencies"]["dev"]}

    assert asked <= set(running)
    assert tools <= set(dev)
    assert running.items() <= dev.items()
    assert build.items() <= dev.items()
    assert project["dependency-groups"]["build"] == project["build-system"]["requires"]
    assert not tools & set(running)


def test_the_changelog_has_a_place_for_what_is_not_released_yet(root: Path) -> None:
    """Keep a Changelog: Unreleased stands first, and says something."""
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    first, _, rest = text.partition("## [")[2].partition("\n")

    assert first == "Unreleased]"
    assert rest.lstrip().startswith("### ")


def _pins(lock: Path) -> dict[str, str]:
    lines = [
        line.rstrip(" \\").partition(" ;")[0]
        for line in lock.read_text(encoding="utf-8").splitlines()
        if PIN.match(line)
    ]
    return dict(line.split("==") for line in lines)


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match.group()).lower()
