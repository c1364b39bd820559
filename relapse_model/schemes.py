"""Other classifications of the same relapse, where they differ (clinical model section 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from relapse_model.decision import Alternative
from relapse_model.definitions import COG_TIME, OtherTiming
from relapse_model.loader import Tables
from relapse_model.table import Rule

BANDS = {"early": "under_36_months", "late": "36_months_or_more"}
"""Early and late by COG, as the schemes table calls them."""


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One cell of Table 1 that a world may be in, and its risk."""

    timing: str
    site: str
    immunophenotype: str
    s_group: str
    risk: str


@dataclass(frozen=True, slots=True)
class OtherSchemes:
    """Classes that differ, whether a definition of time is the reason, and the rows read."""

    alternatives: tuple[Alternative, ...]
    definitions_diverge: bool
    fired: tuple[tuple[str, Rule], ...]


def other_schemes(
    cells: Iterable[Cell], timings: frozenset[OtherTiming], model: Tables
) -> OtherSchemes:
    """Every other class that some world gives and that differs from the article's."""
    return _other_schemes(frozenset(cells), timings, model)


@lru_cache(maxsize=1_000)
def _other_schemes(
    cells: frozenset[Cell], timings: frozenset[OtherTiming], model: Tables
) -> OtherSchemes:
    found: set[Alternative] = set()
    rows: dict[str, Rule] = {}
    diverge = False
    for cell in sorted(cells):
        by_definition = _by_definition(cell, timings, model)
        bands = _since_diagnosis(cell, timings)
        for band in bands:
            row = _row(cell, band, model)
            rows[row.id] = row
            found |= _differing(cell, row, model)
        found |= by_definition
        diverge |= bool(by_definition)
        diverge |= len(bands) == 1 and _differs_by_36_months(cell, bands[0], model)
    return OtherSchemes(
        tuple(sorted(found, key=lambda item: (item.scheme, item.klass))),
        definitions_diverge=diverge,
        fired=tuple(("schemes", row) for row in rows.values()),
    )


def _by_definition(cell: Cell, timings: frozenset[OtherTiming], model: Tables) -> set[Alternative]:
    """Another group by another definition; none of them has a "very early" of its own."""
    found = set()
    for item in timings:
        if item.timing != cell.timing or item.definition == COG_TIME:
            continue
        group = (
            model.decision["s_group"]
            .rule(
                timing=cell.timing if cell.timing == "very_early" else item.other,
                site=cell.site,
                immunophenotype=cell.immunophenotype,
            )
            .then["s_group"]
        )
        if group != cell.s_group:
            found.add(Alternative(item.definition, f"{item.other}, {group}"))
    return found


def _since_diagnosis(cell: Cell, timings: frozenset[OtherTiming]) -> tuple[str, ...]:
    found = {
        item.other for item in timings if item.definition == COG_TIME and item.timing == cell.timing
    }
    return tuple(BANDS[other] for other in sorted(found or BANDS))


def _row(cell: Cell, band: str, model: Tables) -> Rule:
    return model.decision["schemes"].rule(
        timing=cell.timing,
        site=cell.site,
        immunophenotype=cell.immunophenotype,
        since_diagnosis=band,
    )


def _differing(cell: Cell, row: Rule, model: Tables) -> set[Alternative]:
    other = [model.scheme_classes[output, value] for output, value in row.then.items()]
    return {
        Alternative(item.scheme, item.label) for item in other if cell.risk not in item.agrees_with
    }


def _differs_by_36_months(cell: Cell, band: str, model: Tables) -> bool:
    """Whether COG's class differs from the article's, and only because of its 36 months."""
    here, there = (
        {item for item in _differing(cell, _row(cell, name, model), model) if item.scheme == "COG"}
        for name in (band, next(other for other in BANDS.values() if other != band))
    )
    return bool(here) and here != there
