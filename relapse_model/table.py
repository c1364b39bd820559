"""Decision tables: data in TOML, a partition of their inputs, checked when they are loaded.

Hit policy is unique: every combination of column values fires exactly one rule. A missing, a
doubled or an uncited row is a TableError before the first patient is seen. There is no
fallback row; where the article is silent a cited row says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from relapse_model.errors import TableError
from relapse_model.sources import Citation

Cell = str
World = Mapping[str, Cell]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One row: the cells it needs (``when``), what it concludes (``then``), and why."""

    id: str
    when: Mapping[str, frozenset[Cell]]
    then: Mapping[str, Cell]
    flags: tuple[str, ...]
    citation: Citation


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """A named partition of the product of its columns."""

    name: str
    title: str
    columns: Mapping[str, tuple[Cell, ...]]
    outputs: Mapping[str, tuple[Cell, ...]]
    rules: tuple[Rule, ...]
    row_of: Mapping[tuple[Cell, ...], Rule]

    def rule(self, **world: Cell) -> Rule:
        """The one row that a complete world fires; KeyError for a value outside the columns."""
        return self.row_of[tuple(world[column] for column in self.columns)]


def decision_table(name: str, data: Mapping[str, Any], citations: CitationReader) -> DecisionTable:
    """Build a table from its TOML content, or raise TableError saying what is wrong with it."""
    columns = {key: tuple(cells) for key, cells in data["columns"].items()}
    outputs = {key: tuple(cells) for key, cells in data["outputs"].items()}
    rules = tuple(
        _rule(f"{name}: rules[{number}]", row, columns, outputs, citations)
        for number, row in enumerate(data["rules"])
    )
    table = DecisionTable(
        name=name,
        title=data["title"],
        columns=columns,
        outputs=outputs,
        rules=rules,
        row_of=_partition(name, columns, rules),
    )
    _refuse_idle_columns(table)
    _refuse_idle_outputs(table)
    return table


class CitationReader:
    """Reads the ``source``, ``place``, ``provenance`` and ``note`` of any row."""

    def __init__(self, sources: Mapping[str, Any]) -> None:
        """Know the sources that may be cited; remember which ones are."""
        self.sources = sources
        self.cited: set[str] = set()

    def citation(self, where: str, row: Mapping[str, Any]) -> Citation:
        """The citation of ``row``; TableError when it has none, or cites what does not exist."""
        for key in ("source", "place", "provenance"):
            if not row.get(key):
                raise TableError(where, f"has no {key}")
        if row["source"] not in self.sources:
            raise TableError(where, f"cites {row['source']!r}, which is not in sources.toml")
        if row["provenance"] not in ("P", "I", "C", "A"):
            raise TableError(where, f"provenance {row['provenance']!r} is not P, I, C or A")
        self.cited.add(row["source"])
        return Citation(
            source=self.sources[row["source"]],
            place=row["place"],
            provenance=row["provenance"],
            note=row.get("note", ""),
        )


def _rule(
    where: str,
    row: Mapping[str, Any],
    columns: Mapping[str, tuple[Cell, ...]],
    outputs: Mapping[str, tuple[Cell, ...]],
    citations: CitationReader,
) -> Rule:
    where = f"{where} {row.get('id', '(no id)')}"
    known = {"id", "when", "then", "flags", "source", "place", "provenance", "note"}
    if unknown := set(row) - known:
        raise TableError(where, f"unknown keys {sorted(unknown)}")
    if not row.get("id"):
        raise TableError(where, "has no id")
    when = {}
    for column, cells in row["when"].items():
        if column not in columns:
            raise TableError(where, f"no column {column!r}")
        chosen = frozenset([cells] if isinstance(cells, str) else cells)
        if strange := chosen - set(columns[column]):
            raise TableError(where, f"{column} has no value {sorted(strange)}")
        when[column] = chosen
    then = dict(row["then"])
    if set(then) != set(outputs):
        raise TableError(where, f"concludes {sorted(then)}, not {sorted(outputs)}")
    for output, cell in then.items():
        if cell not in outputs[output]:
            raise TableError(where, f"{output} has no value {cell!r}")
    return Rule(
        id=row["id"],
        when=when,
        then=then,
        flags=tuple(row.get("flags", ())),
        citation=citations.citation(where, row),
    )


def combinations(columns: Mapping[str, tuple[Cell, ...]]) -> Iterator[tuple[Cell, ...]]:
    """Every combination of column values, in the order of the columns."""
    return product(*columns.values())


def _partition(
    name: str, columns: Mapping[str, tuple[Cell, ...]], rules: tuple[Rule, ...]
) -> dict[tuple[Cell, ...], Rule]:
    row_of: dict[tuple[Cell, ...], Rule] = {}
    for rule in rules:
        cells = [tuple(rule.when.get(column, domain)) for column, domain in columns.items()]
        for combination in product(*cells):
            if combination in row_of:
                first = row_of[combination].id
                raise TableError(name, f"{first} and {rule.id} both fire for {combination}")
            row_of[combination] = rule
    for combination in combinations(columns):
        if combination not in row_of:
            raise TableError(name, f"no rule fires for {combination}")
    ids = [rule.id for rule in rules]
    if len(set(ids)) != len(ids):
        raise TableError(name, "two rules share an id")
    return row_of


def _refuse_idle_columns(table: DecisionTable) -> None:
    names = list(table.columns)
    for index, column in enumerate(names):
        conclusions: dict[tuple[Cell, ...], set[tuple[Cell, ...]]] = {}
        for combination, rule in table.row_of.items():
            others = combination[:index] + combination[index + 1 :]
            conclusions.setdefault(others, set()).add(tuple(rule.then.values()))
        if all(len(found) == 1 for found in conclusions.values()):
            raise TableError(table.name, f"column {column!r} decides nothing")


def _refuse_idle_outputs(table: DecisionTable) -> None:
    for output, cells in table.outputs.items():
        concluded = {rule.then[output] for rule in table.rules}
        if idle := set(cells) - concluded:
            raise TableError(table.name, f"no rule concludes {output} = {sorted(idle)}")
