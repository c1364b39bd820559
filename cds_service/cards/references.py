"""Numbered references: each sentence keeps its provenance and place, and the card stays readable.

A sentence ends in ``[P1]``: provenance P, first place in the list of sources at the end.
"""

from __future__ import annotations

from functools import lru_cache

from cds_service.cards.markdown import bullets, own_text
from relapse_model.decision import Statement
from relapse_model.loader import tables


class References:
    """The places that one card cites, numbered in the order in which they are cited."""

    def __init__(self) -> None:
        """None yet."""
        self._numbers: dict[str, int] = {}

    def __bool__(self) -> bool:
        """Whether anything is cited."""
        return bool(self._numbers)

    def sentence(self, statement: Statement) -> str:
        """The sentence as Markdown, with its provenance and the number of its source."""
        return f"{own_text(statement.text)} {self.mark(statement.provenance, statement.citation)}"

    def mark(self, provenance: str, citation: str) -> str:
        """``[P1]`` as Markdown."""
        number = self._numbers.setdefault(citation, len(self._numbers) + 1)
        return rf"\[{provenance}{number}\]"

    def listed(self) -> str:
        """The sources as a list: each once, with its numbered places."""
        return _listed(tuple(self._numbers))


@lru_cache(maxsize=1_000)
def _listed(citations: tuple[str, ...]) -> str:
    """Remembered: what is cited is ours, and each decision of one kind cites the same."""
    sources: dict[str, list[str]] = {}
    for number, citation in enumerate(citations, start=1):
        source, place = source_and_place(citation)
        sources.setdefault(source, []).append(f"{number} {place}".strip())
    return bullets(own_text(f"{source}: {'; '.join(places)}") for source, places in sources.items())


def source_and_place(citation: str) -> tuple[str, str]:
    """The source that a citation names, and the place in it; the place is empty if unknown."""
    for source in tables().sources.values():
        if citation.startswith(f"{source.citation}, "):
            return source.citation, citation[len(source.citation) + 2 :]
    return citation, ""
