"""Laws of the possible worlds, over every partial state of the discrete facts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import chain, combinations, product

import pytest
from children import amount, day, first_relapse

from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import Fact, PatientFacts, fact

# Each axis: the complete values that a fact may have; a partial state is a non-empty subset.
AXES: dict[str, tuple[Fact, ...]] = {
    "relapse_date": (day("2023-03-15"), day("2024-03-20"), day("2025-02-15")),
    "marrow_blasts": (amount(2), amount(12), amount(80)),
    "csf_blasts": (fact("seen"), fact("not_seen")),
    "csf_wbc": (amount(2), amount(42)),
    "immunophenotype": (fact("BCP"), fact("T")),
}
"""Very early, early, late; M1, M2, M3; CNS1, CNS2a, CNS3a; BCP, T."""

SCOPE: dict[str, tuple[Fact, ...]] = {
    "disease": (fact("ALL"), fact("mature_B"), fact("other")),
    "relapse_number": (fact("1"), fact("2")),
    "cr1_achieved": (fact("yes"), fact("no")),
    "birth_date": (day("2017-05-01"), day("2001-01-01")),
    "cr2": (fact("achieved"), fact("not_achieved")),
    "prior_hsct": (fact("no"), fact("yes")),
    "genetics": (fact("none"), fact("KMT2A-r")),
}

BASES = {
    "pending": {},
    "prior transplantation": {"prior_hsct": fact("yes")},
    "adverse genetics": {"genetics": fact("BCR-ABL1")},
    "confirmed": {"marrow_confirmation": fact("confirmed")},
}

State = tuple[tuple[Fact, ...], ...]


def subsets(options: tuple[Fact, ...]) -> list[tuple[Fact, ...]]:
    """All non-empty subsets."""
    return list(
        chain.from_iterable(combinations(options, size + 1) for size in range(len(options)))
    )


def joined(options: tuple[Fact, ...]) -> Fact:
    """The fact that may have any of the values."""
    values = frozenset().union(*(option.values for option in options))
    return Fact(values, ("Observation/1",))


def facts_of(axes: dict[str, tuple[Fact, ...]], state: State, base: str) -> PatientFacts:
    """The child whose facts are in this state."""
    changes = {name: joined(options) for name, options in zip(axes, state, strict=True)}
    return first_relapse(**{**BASES[base], **changes})


def states(axes: dict[str, tuple[Fact, ...]]) -> Iterator[State]:
    """Every partial state."""
    return product(*(subsets(options) for options in axes.values()))


@cache
def complete(base: str, which: str, world: tuple[Fact, ...]) -> Decision:
    """The decision of a complete world."""
    axes = AXES if which == "sites" else SCOPE
    return decide(facts_of(axes, tuple((option,) for option in world), base))


def possible_plans(decision: Decision) -> set[str]:
    """The plans that a decision leaves open."""
    if decision.plans:
        return set(decision.plans)
    if decision.plan == "HSCT_INVARIANT":
        return {"HSCT_HR", "HSCT_MRD"}
    return {decision.plan}


@pytest.mark.parametrize(
    ("which", "base"), [*(("sites", base) for base in BASES), ("scope", "pending")]
)
def test_conclusions_of_partial_facts_are_the_union_over_completions(which: str, base: str) -> None:
    """Every partial state: timing, site, phenotype, group, risk and plans, no more and no less."""
    axes = AXES if which == "sites" else SCOPE
    checked = 0
    for state in states(axes):
        decision = decide(facts_of(axes, state, base))
        completions = [complete(base, which, world) for world in product(*state)]
        names = ["timing", "site", "immunophenotype"]
        if decision.plan != "CONFIRM_RELAPSE":
            names += ["s_group", "risk"]
            union = set().union(*(possible_plans(item) for item in completions))
            assert possible_plans(decision) == union
        for name in names:
            union = set().union(*(getattr(item, name) for item in completions))
            assert set(getattr(decision, name)) == union, (name, state)
        checked += 1
    print(f"{checked} partial states")  # noqa: T201 - how many were walked, shown by -s


@pytest.mark.parametrize("which", ["sites", "scope"])
def test_wanted_names_exactly_the_facts_that_alone_change_plan_or_group(which: str) -> None:
    """Every partial state: an unknown is wanted iff two completions differing in it disagree."""
    axes = AXES if which == "sites" else SCOPE
    names = list(axes)
    for state in states(axes):
        decision = decide(facts_of(axes, state, "pending"))
        verdicts = {
            world: (item.plan, item.s_group)
            for world in product(*state)
            for item in [complete("pending", which, world)]
        }
        expected = set()
        for index, name in enumerate(names):
            groups: dict[tuple[Fact, ...], set[object]] = {}
            for world, verdict in verdicts.items():
                groups.setdefault(world[:index] + world[index + 1 :], set()).add(verdict)
            if any(len(group) > 1 for group in groups.values()):
                expected.add(name)
        unknown = {name for name, options in zip(names, state, strict=True) if len(options) > 1}
        assert set(decision.wanted) & unknown == expected, state


def test_settling_everything_wanted_decides() -> None:
    """When the wanted facts are settled one way or another, one plan and one group are left."""
    names = list(AXES)
    for state in states(AXES):
        decision = decide(facts_of(AXES, state, "pending"))
        settled = [
            options if name not in decision.wanted else (options[-1],)
            for name, options in zip(names, state, strict=True)
        ]
        after = decide(facts_of(AXES, tuple(settled), "pending"))
        assert len(possible_plans(after)) == 1
        assert len(after.s_group) <= 1


def test_knowing_more_never_adds_a_conclusion() -> None:
    """Removing one possible value of one fact never adds a timing, site, group, risk or plan."""
    for state in states(AXES):
        decision = decide(facts_of(AXES, state, "pending"))
        for index, options in enumerate(state):
            if len(options) == 1:
                continue
            narrower = (*state[:index], options[1:], *state[index + 1 :])
            more = decide(facts_of(AXES, narrower, "pending"))
            for name in ("timing", "site", "immunophenotype"):
                assert set(getattr(more, name)) <= set(getattr(decision, name))
            if decision.plan != "CONFIRM_RELAPSE":
                assert set(more.s_group) <= set(decision.s_group)
                assert possible_plans(more) <= possible_plans(decision)


def test_decide_is_pure() -> None:
    """The same facts give the same decision, and are not changed."""
    child = first_relapse()

    assert decide(child) == decide(first_relapse())
    assert child == first_relapse()
