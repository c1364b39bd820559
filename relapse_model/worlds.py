"""Possible worlds: what follows from facts that are not all known.

A question has axes (its inputs), each with the options it may still have. Every combination is
a world. From all worlds follow the conclusions, and for every axis its *swings*: the pairs of
results that two worlds differing only in that axis may give. An input is wanted exactly when
one of its swings changes the plan or the group (decision.md).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, product
from typing import Any, Generic, TypeVar

R = TypeVar("R", bound=Hashable)
Swing = frozenset[Any]
"""An unordered pair of different results."""


@dataclass(frozen=True, slots=True, eq=False)
class Spread(Generic[R]):
    """The results that may be true, and how each input may move them.

    Equal to itself alone, so that what follows from it can be remembered.

    ``answers``: for each input, each option it may have, and the results left with it.
    """

    results: frozenset[R]
    swings: Mapping[str, frozenset[Swing]]
    answers: Mapping[str, Mapping[str, frozenset[R]]]


def spread(
    axes: Mapping[str, Sequence[str]], result: Callable[[Mapping[str, str]], R]
) -> Spread[R]:
    """Evaluate ``result`` in every world of ``axes``."""
    names = list(axes)
    found = {
        options: result(dict(zip(names, options, strict=True)))
        for options in product(*axes.values())
    }
    swings: dict[str, frozenset[Swing]] = {}
    answers: dict[str, Mapping[str, frozenset[R]]] = {}
    for index, name in enumerate(names):
        by_others: dict[tuple[str, ...], set[R]] = {}
        by_option: dict[str, set[R]] = {}
        for options, value in found.items():
            by_others.setdefault(options[:index] + options[index + 1 :], set()).add(value)
            by_option.setdefault(options[index], set()).add(value)
        swings[name] = frozenset(
            frozenset(pair) for values in by_others.values() for pair in combinations(values, 2)
        )
        answers[name] = {option: frozenset(values) for option, values in by_option.items()}
    return Spread(frozenset(found.values()), swings, answers)


@lru_cache(maxsize=1_000)
def choice(name: str, possible: frozenset[str], other_states: tuple[str, ...] = ()) -> Spread[str]:
    """The spread of one fact that is its own result.

    ``other_states``: for a state of the chart (MRD pending, genetics not reported ...): states it
    may change to. They are no conclusions, but they count for ``wanted``.
    """
    options = possible.union(other_states)
    pairs = frozenset(frozenset(pair) for pair in combinations(options, 2))
    return Spread(possible, {name: pairs}, {name: {o: frozenset({o}) for o in sorted(options)}})
