"""What would decide it: the facts whose answer changes the plan or the group.

A fact is wanted exactly when two worlds that differ only in it give different plans or groups.
States of the chart (MRD pending, genetics not reported, CR2 not assessed, no transplantation on
record) are values, not unknowns. They are named where another state would change the plan; while
the plan itself is open, only the states that allocate (MRD, genetics) are, and only where another
state would change what is answered (docs/reading-the-article.md, "wanted").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from relapse_model.decision import Answer
from relapse_model.worlds import Spread


class Outcome(NamedTuple):
    """What one world leads to; an empty group = the evaluation ended before Table 1."""

    plan: str
    s_group: str = ""
    risk: str = ""
    site: str = ""

    @property
    def verdict(self) -> tuple[str, str]:
        """What "wanted" compares."""
        return self.plan, self.s_group


Columns = Mapping[str, Spread[Any]]
OutcomeOf = Callable[[Mapping[str, Any]], Outcome]


def wanted_facts(columns: Columns, outcome: OutcomeOf) -> tuple[str, ...]:
    """The facts that are wanted, sorted."""
    found = set()
    for column, spread in columns.items():
        verdicts: dict[Any, list[tuple[str, str]]] = {}

        def verdicts_of(
            value: object, column: str = column, known: dict[Any, Any] = verdicts
        ) -> list[tuple[str, str]]:
            if value not in known:
                known[value] = [
                    outcome({**others, column: value}).verdict
                    for others in _others(columns, column)
                ]
            found_verdicts: list[tuple[str, str]] = known[value]
            return found_verdicts

        for name, pairs in spread.swings.items():
            if any(verdicts_of(a) != verdicts_of(b) for a, b in pairs):
                found.add(name)
    return tuple(sorted(found))


def answers_to(wanted: tuple[str, ...], columns: Columns, outcome: OutcomeOf) -> tuple[Answer, ...]:
    """For each wanted fact, what each answer would leave."""
    answers = []
    for column, spread in columns.items():
        for name in wanted:
            options = spread.answers.get(name, {})
            for option, values in options.items():
                left = {
                    outcome({**others, column: value})
                    for value in values
                    for others in _others(columns, column)
                }
                answers.append(
                    Answer(
                        fact=name,
                        answer=option,
                        plans=tuple(sorted({item.plan for item in left})),
                        s_groups=tuple(sorted({item.s_group for item in left} - {""})),
                    )
                )
    return tuple(sorted(answers, key=lambda item: wanted.index(item.fact)))


def worlds_of(columns: Columns) -> Iterator[dict[str, Any]]:
    """Every combination of the values that the columns may have."""
    for values in product(*(spread.results for spread in columns.values())):
        yield dict(zip(columns, values, strict=True))


def _others(columns: Columns, left_out: str) -> Iterator[dict[str, Any]]:
    return worlds_of({name: spread for name, spread in columns.items() if name != left_out})
