"""What would decide it: the facts whose answer changes the plan or the group.

A fact is wanted exactly when two worlds that differ only in it give different plans or groups.
States of the chart (MRD pending, genetics not reported, CR2 not assessed, no transplantation on
record) are values, not unknowns. They are named where another state would change the plan; while
the plan itself is open, only the states that allocate (MRD, genetics) are, and only where another
state would change what is answered (docs/reading-the-article.md, "wanted").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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


class Outcomes:
    """What the worlds of the columns lead to: each of them, and with one column changed."""

    def __init__(self, columns: Columns, outcome: OutcomeOf) -> None:
        """``outcome``: what one world leads to."""
        self.columns = columns
        self._outcome = outcome
        self._options = {name: sorted(spread.results) for name, spread in columns.items()}
        self.worlds = tuple(self._worlds(self._options))
        """Every combination of the values that the columns may have."""
        self.outcomes = tuple(outcome(world) for world in self.worlds)
        """What each of ``worlds`` leads to, in the same order."""
        self._with_value: dict[tuple[str, Any], Sequence[Outcome]] = {}

    def with_value(self, column: str, value: object) -> Sequence[Outcome]:
        """The outcomes if ``column`` had this value, the other columns always in one order."""
        known = self._with_value.get((column, value))
        if known is None:
            if value in self.columns[column].results:
                known = [
                    outcome
                    for world, outcome in zip(self.worlds, self.outcomes, strict=True)
                    if world[column] == value
                ]
            else:
                changed = self._worlds({**self._options, column: [value]})
                known = [self._outcome(world) for world in changed]
            self._with_value[column, value] = known
        return known

    def _worlds(self, options: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
        for world in product(*options.values()):
            yield dict(zip(options, world, strict=True))


def wanted_facts(outcomes: Outcomes) -> tuple[str, ...]:
    """The facts that are wanted, sorted."""
    found = set()
    for column, spread in outcomes.columns.items():
        verdicts = {
            value: [outcome.verdict for outcome in outcomes.with_value(column, value)]
            for value in {
                value for pairs in spread.swings.values() for pair in pairs for value in pair
            }
        }
        for name, pairs in spread.swings.items():
            if any(verdicts[a] != verdicts[b] for a, b in pairs):
                found.add(name)
    return tuple(sorted(found))


def answers_to(wanted: tuple[str, ...], outcomes: Outcomes) -> tuple[Answer, ...]:
    """For each wanted fact, what each answer would leave."""
    answers = []
    for column, spread in outcomes.columns.items():
        for name in wanted:
            for option, values in spread.answers.get(name, {}).items():
                left = {
                    outcome for value in values for outcome in outcomes.with_value(column, value)
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
