"""The article's other definitions of early and late, computed beside the governing one (T-e).

They decide nothing. Where one of them would change the group, both are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from relapse_model.chronology import Chronology, Constraint, before, not_before
from relapse_model.loader import Tables

BFM_TEXT = "BFM as in the article's text (30 months from remission)"
ABSTRACT = "Article's abstract (30 months from diagnosis)"
COG_TIME = "COG (36 months from diagnosis)"


@dataclass(frozen=True, slots=True)
class Definition:
    """One way to divide early from late: ``months`` after ``anchor``.

    ``marrow_only``: its words speak of marrow relapse alone.
    """

    name: str
    anchor: str
    months: int
    marrow_only: bool = False

    def constraints(self) -> tuple[tuple[str, Constraint], ...]:
        """What the relapse has to be for each of its answers."""
        return (
            ("early", before("relapse_date", self.anchor, self.months)),
            ("late", not_before("relapse_date", self.anchor, self.months)),
        )


@dataclass(frozen=True, slots=True)
class OtherTiming:
    """What a definition says in some world whose governing timing is ``timing``.

    ``other``: early or late.
    """

    definition: str
    timing: str
    other: str


@lru_cache(maxsize=8)
def definitions(tables: Tables) -> tuple[Definition, ...]:
    """The article's other definitions, with their months from the table of thresholds."""
    return (
        Definition(BFM_TEXT, "cr1_date", tables.whole("bfm_text_late_months")),
        Definition(ABSTRACT, "diagnosis_date", tables.whole("abstract_late_months")),
        Definition(COG_TIME, "diagnosis_date", tables.whole("cog_late_months"), marrow_only=True),
    )


def definitions_at(site: Iterable[str], tables: Tables) -> tuple[Definition, ...]:
    """Those that speak of a relapse at ``site``, the values that it may have."""
    marrow = set(site) != {"isolated_em"}
    return tuple(item for item in definitions(tables) if marrow or not item.marrow_only)


def other_timings(
    regions: Iterable[tuple[str, tuple[Constraint, ...]]],
    chronology: Chronology,
    others: Iterable[Definition],
) -> frozenset[OtherTiming]:
    """What each definition may say.

    ``regions``: governing timing and the order of dates it belongs to.
    """
    regions = tuple(regions)
    return frozenset(
        OtherTiming(definition.name, timing, other)
        for definition in others
        for other, constraint in definition.constraints()
        for timing, constraints in regions
        if chronology.may_stand((*constraints, constraint))
    )
