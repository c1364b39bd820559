"""A site's own codes: which sets they stand in, while one record is read.

No code of ALL MRD could be verified in LOINC, and real laboratories use codes of their own. A
site lists them (docs/local-codes.md); they then stand in the code sets beside the shipped ones.
They are in force only inside ``SiteCodes.in_force``: nothing global changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

NO_SETS: Final[frozenset[str]] = frozenset()
MRD: Final = "mrd"
FIRST_LINE_COURSE: Final = "first_line_course"
SETS_OF_SITES: Final[Mapping[str, str]] = MappingProxyType(
    {
        MRD: "Minimal residual disease of ALL, as Observation.code",
        FIRST_LINE_COURSE: "First-line therapy, as CarePlan.category or EpisodeOfCare.type",
    }
)
"""Sets that only a site can fill: no code of any terminology was verified for them."""


@dataclass(frozen=True, slots=True)
class SiteCode:
    """One code of a site and the code set it stands in."""

    set: str
    system: str
    code: str
    display: str
    verified_by: str
    """Who looked at the site's own catalogue, and when."""

    @property
    def token(self) -> str:
        """The search token ``system|code``."""
        return f"{self.system}|{self.code}"


@dataclass(frozen=True, slots=True)
class SiteCodes:
    """All codes of a site; checked by ``codes.site_codes``."""

    rows: tuple[SiteCode, ...] = ()
    by_code: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def of(self, *sets: str) -> Iterator[SiteCode]:
        """The codes of the named sets."""
        return (row for row in self.rows if row.set in sets)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Read with these codes; other threads and later records do not see them."""
        token = _IN_FORCE.set(self.by_code)
        try:
            yield
        finally:
            _IN_FORCE.reset(token)


_NONE: Final[Mapping[tuple[str, str], frozenset[str]]] = MappingProxyType({})
_IN_FORCE: Final[ContextVar[Mapping[tuple[str, str], frozenset[str]]]] = ContextVar(
    "site_codes", default=_NONE
)
NO_SITE_CODES: Final = SiteCodes()


def site_sets(system: str, code: str) -> frozenset[str]:
    """The sets in which the site in force lists this code."""
    listed = _IN_FORCE.get()
    return listed.get((system.strip(), code.strip()), NO_SETS) if listed else NO_SETS


def indexed(rows: Iterable[SiteCode]) -> SiteCodes:
    """``rows`` with their index."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    kept = tuple(rows)
    for row in kept:
        key = (row.system, row.code)
        found[key] = found.get(key, NO_SETS) | {row.set}
    return SiteCodes(kept, MappingProxyType(found))
