"""Every plan, flag and value that the program can say is explained to its readers."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PAGES = ("GLOSSARY.md", "docs/decision.md")
# Settings are upper case too; they have a page of their own.
SETTING = re.compile(r"CDS_|PROMETHEUS_|RUST_")
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
FLAG_CALLS = {"add", "Remark"}
SINGLE = re.compile(r"[A-Z][A-Z0-9]{3,}")


@pytest.fixture(scope="module")
def said(root: Path, package_modules: list[Path]) -> set[str]:
    """Plans, flags and table conclusions found in the tables and in the code."""
    codes = {code for path in package_modules for code in _codes_of_module(path)}
    for table in (root / "relapse_model/tables").glob("*.toml"):
        codes.update(_codes_of_table(tomllib.loads(table.read_text(encoding="utf-8"))))
    return {code for code in codes if not SETTING.match(code)}


@pytest.mark.parametrize("page", PAGES)
def test_every_plan_flag_and_conclusion_is_explained(page: str, said: set[str], root: Path) -> None:
    """The glossary and the decision document name each of them as code."""
    explained = _explained(root / page)

    assert len(said) > 1
    assert said - explained == set()


def test_glossary_and_decision_document_list_the_same_plans_and_flags(root: Path) -> None:
    """Neither page knows a plan or flag that the other does not."""
    glossary, document = (
        {code for code in _explained(root / page) if CODE.fullmatch(code)} for page in PAGES
    )

    assert glossary == document


def test_every_value_of_the_decision_document_is_in_the_glossary(root: Path) -> None:
    """The table of fields uses no value that the glossary leaves out."""
    text = (root / "docs/decision.md").read_text(encoding="utf-8")
    fields = text.partition("## Fields")[2].partition("## Plans")[0]
    rows = [line.split("|")[2] for line in fields.splitlines() if line.startswith("| `")]
    values = {
        value
        for row in rows
        for value in re.findall(r"`(\w+)`", row)
        if value not in {"cns", "testis"}
    }

    assert values - _explained(root / "GLOSSARY.md") == set()


def _explained(page: Path) -> set[str]:
    return set(re.findall(r"`(\w+)`", page.read_text(encoding="utf-8")))


def _codes_of_table(data: dict[str, Any]) -> Iterator[str]:
    for row in data.get("rules", []):
        yield from row.get("flags", [])
    for values in data.get("outputs", {}).values():
        yield from (value for value in values if CODE.fullmatch(value) or SINGLE.fullmatch(value))


def _codes_of_module(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if CODE.fullmatch(node.value):
                yield node.value
        elif isinstance(node, ast.Call) and node.args and _called(node) in FLAG_CALLS:
            first = node.args[0]
            if isinstance(first, ast.Constant) and SINGLE.fullmatch(str(first.value)):
                yield str(first.value)


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""
