"""Who keeps each table, when it was last compared with its sources, and what is overdue.

A table that nobody looked at for a year may be wrong without anybody having changed it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from relapse_model.errors import TableError
from relapse_model.sources import Source


@dataclass(frozen=True, slots=True)
class Upkeep:
    """``owner``: the clinical role that answers for a table; ``reviewed``: the day it last did."""

    table: str
    owner: str
    reviewed: date


@dataclass(frozen=True, slots=True)
class Overdue:
    """A table or source that was last looked at on ``since``, and who is to do it now."""

    what: str
    since: date
    owner: str = ""

    def __str__(self) -> str:
        """One line for an operator."""
        who = f" (owner: {self.owner})" if self.owner else ""
        return f"{self.what} was last checked on {self.since}, more than a year ago{who}"


def upkeep(table: str, data: dict[str, Any]) -> Upkeep:
    """Take ``owner`` and ``reviewed`` out of a table's content; TableError where one is missing."""
    owner, reviewed = data.pop("owner", None), data.pop("reviewed", None)
    where = f"{table}.toml"
    if not isinstance(owner, str) or not owner.strip():
        raise TableError(where, "has no owner")
    if type(reviewed) is not date:  # a date with a time is none
        raise TableError(where, "reviewed is not a date")
    return Upkeep(table, owner, reviewed)


def overdue(kept: Iterable[Upkeep], sources: Iterable[Source], as_of: date) -> tuple[Overdue, ...]:
    """The tables and sources last looked at more than a year before ``as_of``, tables first."""
    return (
        *(
            Overdue(f"table {item.table}", item.reviewed, item.owner)
            for item in kept
            if _a_year_is_over(item.reviewed, as_of)
        ),
        *(
            Overdue(f"source {source.key}", source.last_checked)
            for source in sources
            if _a_year_is_over(source.last_checked, as_of)
        ),
    )


def _a_year_is_over(since: date, as_of: date) -> bool:
    """Whether the same day of the next year is past; of 29 February, the 28th of the next."""
    return (as_of.year - 1, as_of.month, as_of.day) > (since.year, since.month, since.day)
