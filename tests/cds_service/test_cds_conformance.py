"""docs/conformance.md names every requirement that binds a service, and tests that exist."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/conformance.md").read_text(encoding="utf-8")
LISTED = Path(__file__).parent / "validator_cases/requirements-2.0.csv"
BESIDE = re.compile(r"^\| (?!subject|---)[^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
ROW = re.compile(r"^\| (cds-hooks_2\.0@\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def requirements() -> list[str]:
    """The requirements of CDS Hooks 2.0 that bind a service."""
    with LISTED.open(encoding="utf-8", newline="") as file:
        return [
            f"{row['Req Set']}@{row['ID']}"
            for row in csv.DictReader(file)
            if row["Req Set"] == "cds-hooks_2.0" and "Service" in row["Actors"]
        ]


def names_of_tests() -> set[str]:
    """The names of all test functions."""
    return {
        item.name
        for path in (ROOT / "tests").rglob("test_*.py")
        if "node_modules" not in path.parts
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(item, ast.FunctionDef) and item.name.startswith("test_")
    }


def test_every_requirement_on_a_service_stands_on_the_page_once() -> None:
    """In the order of the list."""
    assert [found[0] for found in ROW.findall(PAGE)] == requirements()


def test_every_test_named_on_the_page_exists() -> None:
    """A renamed test is renamed there too."""
    named = {name for _, _, held in ROW.findall(PAGE) for name in re.findall(r"`(test_\w+)`", held)}
    assert named
    assert named <= names_of_tests()


def test_what_stands_beside_the_list_is_held_by_tests_that_exist() -> None:
    """Each row of the second table names at least one, and no reason instead."""
    rows = BESIDE.findall(PAGE.partition("## What implementers check")[2])
    assert len(rows) > 15
    for what, held in rows:
        named = re.findall(r"`(test_\w+)`", held)
        assert named, what
        assert set(named) <= names_of_tests(), what


def test_every_requirement_has_a_test_or_a_reason() -> None:
    """No empty cell."""
    for requirement, what, held in ROW.findall(PAGE):
        assert what.strip(), requirement
        assert "`test_" in held or held.startswith("no test: "), requirement
