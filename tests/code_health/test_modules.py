"""Habits of the code that no linter holds."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

LONGEST = 400
VAGUE = {"utils", "util", "helpers", "helper", "manager", "processor", "common", "misc"}
UNFINISHED = re.compile(r"TO[D]O|FIX[M]E|X[X]X")
FEWEST_WORDS = 4
# `site` is the site of relapse, imported as relapse_model.site alone.
NAMED_LIKE_STANDARD = {"__main__", "site"}


def test_no_module_of_the_packages_is_longer_than_400_lines(package_modules: list[Path]) -> None:
    """Two nouns in one file are clearer in two."""
    long = {
        path.name: count
        for path in package_modules
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST
    }

    assert not long


def test_no_module_has_a_vague_name_or_one_of_the_standard_library(modules: list[Path]) -> None:
    """A file is a noun of the domain."""
    named = {path.stem for path in modules}

    assert not named & VAGUE
    assert not named & (sys.stdlib_module_names - NAMED_LIKE_STANDARD)


def test_fhir_resources_is_loaded_in_one_module(package_modules: list[Path]) -> None:
    """Also when it is loaded by its name, which an import contract cannot see."""
    loading = [
        path.name
        for path in package_modules
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if "fhir.resources" in _loaded(item)
    ]

    assert set(loading) == {"r4b.py"}


def test_nothing_is_marked_as_unfinished(modules: list[Path]) -> None:
    """What is left to do stands where work is planned, not in the code."""
    marked = [path.name for path in modules if UNFINISHED.search(path.read_text(encoding="utf-8"))]

    assert not marked


def test_every_test_says_its_requirement_as_a_sentence(modules: list[Path]) -> None:
    """A docstring, or a name of at least four words."""
    silent = [
        f"{path.name}: {item.name}"
        for path in modules
        if path.stem.startswith("test_")
        for item in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(item, ast.FunctionDef)
        and item.name.startswith("test_")
        and ast.get_docstring(item) is None
        and len(item.name.split("_")) <= FEWEST_WORDS
    ]

    assert not silent


def test_every_module_of_the_packages_says_what_it_is(package_modules: list[Path]) -> None:
    """The first line of a file is its purpose."""
    silent = [
        str(path)
        for path in package_modules
        if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None
        and path.read_text(encoding="utf-8").strip()
    ]

    assert not silent


def _loaded(item: ast.AST) -> str:
    """What a statement imports, or a call is given as its first word."""
    if isinstance(item, ast.ImportFrom):
        return item.module or ""
    if isinstance(item, ast.Import):
        return " ".join(alias.name for alias in item.names)
    if isinstance(item, ast.Call) and item.args:
        return ast.unparse(item.args[0])
    return ""
