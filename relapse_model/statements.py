"""Sentences: one row per sentence that a card may show, with the decisions it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from relapse_model.decision import Statement
from relapse_model.errors import TableError
from relapse_model.sources import Citation
from relapse_model.table import CitationReader

TOPICS = (
    "plan",
    "stratification",
    "caveat",
    "mrd",
    "local_therapy",
    "transplantation",
    "agents",
    "schemes",
    "general",
)

SUBJECTS = (
    # the decision
    "plan",
    "plans",
    "timing",
    "site",
    "immunophenotype",
    "s_group",
    "risk",
    "mrd",
    "cns_status",
    "cns_rt_gy",
    "testis",
    "undetermined",
    "flags",
    "rules",
    # the child, also where the evaluation ended early
    "abl_mutation",
    "age_at_relapse",
    "cns_disease",
    "cr1_achieved",
    "cr2",
    "donors",
    "genetics_taken",
    "hsct_after_relapse",
    "lesions",
    "lineage",
    "on_therapy",
    "other_em",
    "prior_cranial_rt",
    "prior_hsct",
    "relapse_number",
    "sex",
    "testis_finding",
)
"""What a row's conditions may speak of."""


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One sentence. It is shown when every condition holds.

    ``every``: all possible values of the subject lie in the cell (and there is one);
    ``some``: at least one does; ``none_of``: none does.
    """

    id: str
    topic: str
    text: str
    every: Mapping[str, frozenset[str]]
    some: Mapping[str, frozenset[str]]
    none_of: Mapping[str, frozenset[str]]
    citation: Citation

    def holds(self, subjects: Mapping[str, frozenset[str]]) -> bool:
        """Whether the sentence belongs to a decision with these subjects."""
        return (
            all(subjects[name] and subjects[name] <= cell for name, cell in self.every.items())
            and all(subjects[name] & cell for name, cell in self.some.items())
            and not any(subjects[name] & cell for name, cell in self.none_of.items())
        )

    def statement(self) -> Statement:
        """The sentence as a decision carries it."""
        return Statement(
            self.id, self.topic, self.text, self.citation.provenance, str(self.citation)
        )


def statement_rows(
    data: Mapping[str, Mapping[str, Any]], citations: CitationReader
) -> tuple[StatementRow, ...]:
    """Read the ``statements_*.toml`` files in the order of TOPICS; raises TableError."""
    rows: list[StatementRow] = []
    for name, content in data.items():
        for row_id, row in content.items():
            rows.append(_row(f"{name}.toml: {row_id}", row_id, row, citations))
    ids = [row.id for row in rows]
    if repeated := {row_id for row_id in ids if ids.count(row_id) > 1}:
        raise TableError("statements", f"repeated ids {sorted(repeated)}")
    return tuple(sorted(rows, key=lambda row: TOPICS.index(row.topic)))


def _row(
    where: str, row_id: str, row: Mapping[str, Any], citations: CitationReader
) -> StatementRow:
    known = {"topic", "text", "every", "some", "none_of", "source", "place", "provenance", "note"}
    if unknown := set(row) - known:
        raise TableError(where, f"unknown keys {sorted(unknown)}")
    if row.get("topic") not in TOPICS:
        raise TableError(where, f"topic {row.get('topic')!r} is not one of {TOPICS}")
    if not row.get("text"):
        raise TableError(where, "has no text")
    return StatementRow(
        id=row_id,
        topic=row["topic"],
        text=row["text"],
        every=_conditions(where, row.get("every", {})),
        some=_conditions(where, row.get("some", {})),
        none_of=_conditions(where, row.get("none_of", {})),
        citation=citations.citation(where, row),
    )


def _conditions(where: str, cells: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    if unknown := set(cells) - set(SUBJECTS):
        raise TableError(where, f"no subject {sorted(unknown)}")
    return {
        name: frozenset([cell] if isinstance(cell, str) else cell) for name, cell in cells.items()
    }
