"""The vocabulary of facts: label, unit, values, and the question that settles each one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relapse_model.errors import TableError


@dataclass(frozen=True, slots=True)
class FactName:
    """One fact of decision.md.

    ``kind``: choice, date, amount or results. ``values``: label of each possible value.
    ``open_states``: values that are states of the chart, with the states they may change to;
    they decide, and are wanted where a change would change the plan.
    """

    name: str
    label: str
    kind: str
    unit: str
    values: Mapping[str, str]
    open_states: Mapping[str, tuple[str, ...]]
    settled_by: str
    silence: str


def fact_names(data: Mapping[str, Any]) -> dict[str, FactName]:
    """Read ``facts.toml``; TableError for a row without label or settling question."""
    names = {}
    for name, row in data.items():
        where = f"facts.toml: {name}"
        for key in ("label", "kind", "settled_by", "silence"):
            if not row.get(key):
                raise TableError(where, f"has no {key}")
        if row["kind"] not in ("choice", "date", "amount", "results"):
            raise TableError(where, f"kind {row['kind']!r} is not choice, date, amount or results")
        names[name] = FactName(
            name=name,
            label=row["label"],
            kind=row["kind"],
            unit=row.get("unit", ""),
            values=dict(row.get("values", {})),
            open_states={key: tuple(to) for key, to in row.get("open_states", {}).items()},
            settled_by=row["settled_by"],
            silence=row["silence"],
        )
    return names
