"""The way from the facts to the plan: each table with the rows that fired, and the open forks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cds_service.cards.draft import label, plans_text
from cds_service.cards.missing import by_decisiveness
from cds_service.cards.words import CardWords, either, spelled
from cds_service.clinician_page.what_if import assumable
from relapse_model.decision import Answer, Decision
from relapse_model.loader import tables
from relapse_model.table import DecisionTable, Rule

_RULES_NAMED = re.compile(r"\s*\([^()]*\)$")
_OPEN_STATES = frozenset({"pending", "indeterminate", "not_reported", "not_assessed"})
_LATER_STATES = frozenset({"cr2", "prior_hsct"})
_COLUMNS = {
    "diagnosis_to_relapse": "from diagnosis to relapse",
    "therapy_to_relapse": "from end of therapy to relapse",
    "tp1": "MRD, first time point",
    "tp2": "MRD, second time point",
    "off_window": "MRD outside the time points",
    "cr2": "second remission",
    "prior_hsct": "transplantation before the relapse",
    "mrd": "MRD",
    "s_group": "group",
    "cog": "COG",
    "uk_all_r3": "UK ALL R3",
    "intreall_2010": "IntReALL 2010",
    "cns_status": "CNS status",
    "cns_disease": "CNS disease",
    "csf_leukocytes": "CSF leukocytes",
    "csf_erythrocytes": "CSF erythrocytes",
    "csf_blasts": "CSF blasts",
    "cr1_achieved": "first remission",
    "beyond_contamination": "more leukocytes than blood explains",
    "marrow": "bone marrow",
    "extramedullary": "extramedullary disease",
    "cns": "CNS disease",
    "prior_cranial_rt": "earlier cranial radiotherapy",
    "earlier_tbi_or_hsct": "earlier TBI or transplantation",
    "dose_gy": "dose in Gy",
    "left": "left testis",
    "right": "right testis",
    "testis": "local treatment",
    "therapy": "first-line therapy",
    "since_diagnosis": "from diagnosis to relapse",
    "genetics": "genetics",
}
"""Columns of the tables whose names do not read as words."""

_CELLS = {
    "up_to_20_gy": "up to 20 Gy",
    "above_20_gy": "above 20 Gy",
    "first_relapse": "a first relapse: the article applies",
    "short_completed": "short, completed as planned",
    "short_abandoned": "short, abandoned",
    "palsy_only": "a palsy alone",
}
"""Cells that do not read as words when spelled."""

_SAME_VALUES = {"csf_leukocytes": "csf_wbc", "csf_erythrocytes": "csf_rbc"}
"""Columns whose cells are the values of a fact of another name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table in words; ``fired``: it fires, or may fire."""

    id: str
    conditions: tuple[tuple[str, str], ...]
    conclusion: str
    provenance: str
    citation: str
    note: str
    fired: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One question with all its rows."""

    table: str
    question: str
    conclusion: str
    rows: tuple[Row, ...]

    @property
    def taken(self) -> tuple[Row, ...]:
        """The rows that fire, or may fire."""
        return tuple(row for row in self.rows if row.fired)

    @property
    def others(self) -> tuple[Row, ...]:
        """The rows that do not."""
        return tuple(row for row in self.rows if not row.fired)

    @property
    def open(self) -> bool:
        """Whether more than one row may fire."""
        return len(self.taken) > 1


@dataclass(frozen=True, slots=True)
class Branch:
    """What one answer leaves. ``value``: the answer as the form sends it; empty where it cannot."""

    answer: str
    leaves: str
    value: str


@dataclass(frozen=True, slots=True)
class Fork:
    """A wanted fact, how it is settled, and what each answer gives."""

    fact: str
    label: str
    settled_by: str
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to ask for, with the facts that it settles.

    ``decides``: the plan waits for it. ``later``: a state that only a later record can change.
    """

    text: str
    forks: tuple[Fork, ...]
    decides: bool
    later: bool


@dataclass(frozen=True, slots=True)
class GridCell:
    """One of the 18 cells of Table 1; ``here``: the child is, or may be, in it."""

    group: str
    here: bool
    note: str


@dataclass(frozen=True, slots=True)
class Grid:
    """Table 1 as time against lineage and site."""

    lineages: tuple[str, ...]
    sites: tuple[str, ...]
    rows: tuple[tuple[str, tuple[GridCell, ...]], ...]
    count: int


def steps(decision: Decision, words: CardWords) -> tuple[Step, ...]:
    """Every table that was read, in the order of the questions."""
    model = tables()
    found = []
    for step in decision.trace:
        table = model.decision[step.table]
        concluded = "; ".join(
            f"{_column(name)}: {_cells(name, values, words)}" for name, values in step.concluded
        )
        rows = tuple(_row(table, rule, rule.id in step.rules, words) for rule in table.rules)
        found.append(Step(step.table, _RULES_NAMED.sub("", table.title), concluded, rows))
    return tuple(found)


def asked_for(decision: Decision, words: CardWords) -> tuple[Asked, ...]:
    """What is missing, the most decisive first; states that a later record may change come last."""
    undecided = words.plans[decision.plan].kind == "undecided"
    later = frozenset() if decision.plan == "INSUFFICIENT_DATA" else _LATER_STATES
    first = by_decisiveness(decision, words, later)
    last = by_decisiveness(decision, words, frozenset(decision.wanted) - later)
    return tuple(
        Asked(text, tuple(_fork(decision, fact, words) for fact in facts), decides, is_later)
        for group, decides, is_later in ((first, undecided, False), (last, False, True))
        for text, facts in group
    )


def grid(decision: Decision, words: CardWords) -> Grid | None:
    """Table 1 with the cells that the child may be in; None where it was not read."""
    if not decision.s_group:
        return None
    table = tables().decision["s_group"]
    fired = {rule for step in decision.trace if step.table == "s_group" for rule in step.rules}
    rows = []
    for timing in table.columns["timing"]:
        cells = []
        for lineage in table.columns["immunophenotype"]:
            for site in table.columns["site"]:
                rule = table.rule(timing=timing, site=site, immunophenotype=lineage)
                cells.append(GridCell(rule.then["s_group"], rule.id in fired, rule.citation.note))
        rows.append((words.words["timing"][timing], tuple(cells)))
    return Grid(
        lineages=tuple(words.words["immunophenotype"][x] for x in table.columns["immunophenotype"]),
        sites=tuple(words.words["site"][name] for name in table.columns["site"]),
        rows=tuple(rows),
        count=len(fired),
    )


def _fork(decision: Decision, fact: str, words: CardWords) -> Fork:
    known = tables().facts.get(fact)
    branches: dict[str, list[Answer]] = {}
    for answer in decision.answers:
        if answer.fact == fact and answer.answer not in _OPEN_STATES:
            branches.setdefault(leaves(answer, words), []).append(answer)
    return Fork(
        fact=fact,
        label=label(fact),
        settled_by=known.settled_by if known else "",
        branches=tuple(
            Branch(either(*(_answer(item) for item in answers)), told, _value(answers))
            for told, answers in branches.items()
        ),
    )


def _value(answers: Sequence[Answer]) -> str:
    """The one answer as the form sends it; empty where it is none or several."""
    if len(answers) == 1 and assumable(answers[0].fact, answers[0].answer):
        return answers[0].answer
    return ""


def leaves(answer: Answer, words: CardWords) -> str:
    """``S3: allogeneic HSCT in second remission``."""
    groups = words.listed("s_group", answer.s_groups)
    plans = plans_text(answer.plans, words)
    return ": ".join(text for text in (groups, plans) if text)


def _answer(answer: Answer) -> str:
    known = tables().facts.get(answer.fact)
    return known.values.get(answer.answer, spelled(answer.answer)) if known else answer.answer


def _row(table: DecisionTable, rule: Rule, fired: bool, words: CardWords) -> Row:
    conditions = tuple(
        (_column(column), _cells(column, _in_order(table.columns[column], cells), words))
        for column, cells in rule.when.items()
    )
    concluded = "; ".join(
        _cells(name, (cell,), words) if len(rule.then) == 1 else _named(name, cell, words)
        for name, cell in rule.then.items()
    )
    return Row(
        id=rule.id,
        conditions=conditions,
        conclusion=concluded,
        provenance=rule.citation.provenance,
        citation=str(rule.citation),
        note=rule.citation.note,
        fired=fired,
    )


def _named(name: str, cell: str, words: CardWords) -> str:
    return f"{_column(name)}: {_cells(name, (cell,), words)}"


def _in_order(column: Sequence[str], cells: frozenset[str]) -> list[str]:
    return [cell for cell in column if cell in cells]


def _column(name: str) -> str:
    known = tables().facts.get(name)
    return _COLUMNS.get(name) or (known.label if known else spelled(name))


def _cells(column: str, cells: Sequence[str], words: CardWords) -> str:
    return either(*(_cell(column, cell, words) for cell in cells))


def _cell(column: str, cell: str, words: CardWords) -> str:
    """One cell in words: of the cards, of the facts, of the schemes, or as it is spelled."""
    if column == "plan" and cell in words.plans:
        return words.plans[cell].short
    if cell in _CELLS:
        return _CELLS[cell]
    model = tables()
    if scheme := model.scheme_classes.get((column, cell)):
        return scheme.label
    known = model.facts.get(_SAME_VALUES.get(column, column))
    spoken: Mapping[str, str] = words.words.get(column) or (known.values if known else {})
    if cell in spoken:
        return spoken[cell]
    return cell if cell[:3] in {"CNS", "M1", "M2", "M3"} else spelled(cell)
