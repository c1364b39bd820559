"""Reads ``tables/*.toml`` once, checks everything, and holds the result.

Raises TableError naming file and row. Checked: every table is a cited partition without idle
columns, every threshold has value, unit and source, every cited source exists and every source is
cited, and every file names its owner and the day of its review.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from relapse_model.errors import TableError
from relapse_model.fact_names import FactName, fact_names
from relapse_model.scheme_names import SchemeClass, scheme_classes
from relapse_model.sources import Citation, Source
from relapse_model.statements import StatementRow, statement_rows
from relapse_model.table import CitationReader, DecisionTable, decision_table
from relapse_model.upkeep import Overdue, Upkeep, overdue, upkeep

DECISION_TABLES = (
    "course",
    "timing",
    "cns",
    "site",
    "s_group",
    "risk",
    "mrd",
    "plan",
    "cns_radiotherapy",
    "testis",
    "schemes",
)
_STATEMENTS = "statements_"
_READ = frozenset({*DECISION_TABLES, "facts", "scheme_classes", "sources", "thresholds"})


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a rule compares with; ``inclusive``: the value opens the higher class."""

    name: str
    value: Decimal
    unit: str
    inclusive: bool
    opens: str
    citation: Citation


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Everything in ``tables/``, checked; one object is equal to itself alone."""

    sources: Mapping[str, Source]
    thresholds: Mapping[str, Threshold]
    decision: Mapping[str, DecisionTable]
    facts: Mapping[str, FactName]
    scheme_classes: Mapping[tuple[str, str], SchemeClass]
    statements: tuple[StatementRow, ...]
    upkeep: tuple[Upkeep, ...]
    digest: str

    def limit(self, name: str) -> Decimal:
        """The value of a threshold."""
        return self.thresholds[name].value

    def whole(self, name: str) -> int:
        """The value of a threshold counted in whole months, days or years."""
        return int(self.thresholds[name].value)

    def overdue(self, as_of: date) -> tuple[Overdue, ...]:
        """What was last looked at more than a year before ``as_of``."""
        return overdue(self.upkeep, self.sources.values(), as_of)


@cache
def tables() -> Tables:
    """The tables of this package."""
    folder = files("relapse_model") / "tables"
    content = {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
    return checked_tables(content)


def checked_tables(content: Mapping[str, bytes]) -> Tables:
    """Build Tables from file contents by name; raises TableError."""
    data = {name.removesuffix(".toml"): _toml(name, text) for name, text in content.items()}
    unread = [name for name in sorted(data) if not (name in _READ or name.startswith(_STATEMENTS))]
    if unread:
        raise TableError(", ".join(unread), "no part of the model reads this file")
    kept = tuple(upkeep(name, data[name]) for name in sorted(data))
    sources = {key: _source(key, row) for key, row in data.pop("sources").items()}
    reader = CitationReader(sources)
    thresholds = {key: _threshold(key, row, reader) for key, row in data.pop("thresholds").items()}
    facts = fact_names(data.pop("facts"))
    decision = {name: decision_table(name, data.pop(name), reader) for name in DECISION_TABLES}
    classes = scheme_classes(data.pop("scheme_classes"), decision["schemes"])
    statements = statement_rows({name: data[name] for name in sorted(data)}, reader)
    if uncited := set(sources) - reader.cited:
        raise TableError("sources.toml", f"nothing cites {sorted(uncited)}")
    digest = hashlib.sha256(b"".join(content[name] for name in sorted(content))).hexdigest()
    return Tables(
        sources, thresholds, decision, facts, classes, statements, kept, f"sha256:{digest}"
    )


def _toml(name: str, text: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(text.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TableError(name, str(error)) from error


def _source(key: str, row: Mapping[str, Any]) -> Source:
    where = f"sources.toml: {key}"
    for name in ("citation", "verified", "how_read"):
        if not row.get(name):
            raise TableError(where, f"has no {name}")
    if row["verified"] not in ("full", "partial", "own"):
        raise TableError(where, "verified is not full, partial or own")
    if not isinstance(row.get("last_checked"), date):
        raise TableError(where, "last_checked is not a date")
    return Source(
        key=key,
        citation=row["citation"],
        link=row.get("link", ""),
        verified=row["verified"],
        last_checked=row["last_checked"],
        how_read=row["how_read"],
    )


def _threshold(key: str, row: Mapping[str, Any], reader: CitationReader) -> Threshold:
    where = f"thresholds.toml: {key}"
    for name in ("value", "unit", "opens"):
        if not row.get(name):
            raise TableError(where, f"has no {name}")
    if not isinstance(row["value"], str):
        raise TableError(where, "value is not a decimal in quotes; a float would not be exact")
    return Threshold(
        name=key,
        value=Decimal(row["value"]),
        unit=row["unit"],
        inclusive=bool(row.get("inclusive", True)),
        opens=row["opens"],
        citation=reader.citation(where, row),
    )
