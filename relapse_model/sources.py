"""Where every number and sentence comes from.

Provenance tags: P stated in the article, I inferred from its text, C companion source,
A engineering choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Source:
    """One publication, label or document; ``verified``: full, partial or own."""

    key: str
    citation: str
    link: str
    verified: str
    last_checked: date
    how_read: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A place in a source, with the provenance of what is taken from it."""

    source: Source
    place: str
    provenance: str
    note: str = ""

    def __str__(self) -> str:
        """Source and place, as a card prints them."""
        return f"{self.source.citation}, {self.place}"
