"""The page of dependencies: each with its reason and licence.

Direct ones are those of pyproject.toml, the others those that the running lock pins for every
platform. Licences are what the installed packages say of themselves.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNNING = "running"
TITLES = {
    RUNNING: "Running",
    "postgresql": "Running, with feedback in PostgreSQL (extra `postgresql`)",
    "redis": "Running, with used tokens in Redis (extra `redis`)",
    "opentelemetry": "Running, with traces (extra `opentelemetry`)",
    "dev": "Checks and tests alone (extra `dev`)",
}
Rows = Callable[[Iterable[str], Iterable[Iterable[str]]], list[str]]
"""Makes a Markdown table of a head and rows."""

_OSI = "License :: OSI Approved :: "
_PIN = re.compile(r"^([a-z0-9-]+)==[^\s;]+ \\$", re.MULTILINE)


def normal(name: str) -> str:
    """A package's name as lock files write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def direct(project: Mapping[str, object]) -> dict[str, list[str]]:
    """The direct dependencies of pyproject.toml, by extra."""
    extras = project["optional-dependencies"]
    assert isinstance(extras, dict)  # noqa: S101 - pyproject.toml is ours
    asked = {RUNNING: project["dependencies"], **extras}
    return {
        extra: sorted(normal(re.split(r"[\[<>=~! ]", text, maxsplit=1)[0]) for text in texts)
        for extra, texts in asked.items()
    }


def licence(name: str) -> str:
    """What an installed package says of its licence; raises PackageNotFoundError."""
    told = distribution(name).metadata
    if expression := told.get("License-Expression"):
        return str(expression)
    classes = [
        text.removeprefix(_OSI)
        for text in told.get_all("Classifier") or ()
        if text.startswith(_OSI)
    ]
    return ", ".join(sorted(classes)) or str(told.get("License") or "not stated")


def dependencies(rows_of: Rows) -> str:
    """The page; raises KeyError for a dependency without a reason, or a reason without one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    reasons = tomllib.loads((ROOT / "docs/dependencies.toml").read_text("utf-8"))
    asked = direct(project)
    for extra, names in asked.items():
        if wrong := set(names) ^ set(reasons.get(extra, {})):
            raise KeyError(f"dependencies.toml: {extra}: {sorted(wrong)}")
    lines = [
        "Each has to earn its place: the reason says what would have to be written without it.",
        "All are pinned with hashes in the lock files. Decisions:",
        "[locks](adr/0005-requirements-locks.md), [reasons](adr/0010-each-dependency-a-reason.md).",
        "`make sbom` writes the bill of materials of what runs, with versions and licences,",
        "as CycloneDX to `build/sbom.json`.",
        "",
        "psycopg (LGPL) and certifi (MPL) are used as they are, installed beside the service and",
        "replaceable; tools under the GPL run in checks and are not part of what is delivered.",
        "",
    ]
    for extra, names in asked.items():
        lines += [f"## {TITLES[extra]}", ""]
        lines += rows_of(
            ["package", "reason", "licence"],
            [[f"`{name}`", reasons[extra][name], licence(name)] for name in names],
        )
    lines += ["## What these bring along", "", "In the lock of what runs, on every platform.", ""]
    lines += rows_of(["package", "licence"], _indirect(asked))
    return "\n".join(lines)


def _indirect(asked: Mapping[str, Iterable[str]]) -> Iterator[list[str]]:
    named = {name for names in asked.values() for name in names}
    for name in _PIN.findall((ROOT / "requirements.lock").read_text("utf-8")):
        if name not in named:
            yield [f"`{name}`", licence(name)]
