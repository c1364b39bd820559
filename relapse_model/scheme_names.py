"""How the classes of other schemes are called, and which risk each agrees with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relapse_model.errors import TableError
from relapse_model.table import DecisionTable


@dataclass(frozen=True, slots=True)
class SchemeClass:
    """One class of another scheme, and the risks of the article that it agrees with."""

    scheme: str
    label: str
    agrees_with: frozenset[str]


def scheme_classes(
    data: Mapping[str, Any], table: DecisionTable
) -> dict[tuple[str, str], SchemeClass]:
    """Read ``scheme_classes.toml``: (output, cell) -> class; TableError unless it fits."""
    classes = {
        (output, cell): SchemeClass(
            row["name"], content["label"], frozenset(content["agrees_with"])
        )
        for output, row in data.items()
        for cell, content in row.items()
        if cell != "name"
    }
    cells = {(output, cell) for output, values in table.outputs.items() for cell in values}
    if set(classes) != cells:
        raise TableError("scheme_classes.toml", f"does not fit: {sorted(set(classes) ^ cells)}")
    return classes
