"""Sites of the relapse outside the marrow: palsy, CNS, testes and others.

Silence is read as no finding (PatientFacts); a Condition of a site that is not confirmed, or
whose date is not known, leaves the site possible.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

from fhir_mappings.conditions import State
from fhir_mappings.observations import Result
from fhir_mappings.procedures import Treatment
from fhir_mappings.readings import Reading, fact_of, strongest
from fhir_mappings.relapses import Relapses
from relapse_model.dates import DateRange
from relapse_model.facts import Fact

PALSY_BEFORE_DAYS: Final = 30
PALSY_AFTER_DAYS: Final = 14
SIDES: Final = ("left", "right")
_EITHER: Final = frozenset({"asserted", "not_asserted"})


def site_facts(
    states: Sequence[State],
    results: Sequence[Result],
    treatments: Sequence[Treatment],
    relapses: Relapses,
    sex: str,
) -> dict[str, Fact[Any]]:
    """All facts about sites outside the marrow that the record tells."""
    if not relapses.possible:
        return {}
    found: dict[str, Fact[Any] | None] = {
        "cranial_nerve_palsy": _palsy(states, relapses),
        "cns_site": _cns(states, relapses),
        "other_em": _other_em(states, relapses),
    }
    if sex != "female":
        testis = _testis_states(states, relapses)
        for side in SIDES:
            found[f"testis_{side}"] = _testis(testis, side)
            found[f"testis_biopsy_{side}"] = _biopsy(testis, results, treatments, relapses, side)
    return {name: value for name, value in found.items() if value is not None}


def _certainty(state: State, relapses: Relapses) -> bool | None:
    """True: at relapse and certain; False: possible only; None: not at relapse."""
    if state.start is None:
        if state.over:
            return None
        return state.certain and not relapses.dates
    if relapses.distance(state.start) is None:
        return None
    return state.certain


def _palsy(states: Sequence[State], relapses: Relapses) -> Fact[str] | None:
    readings: list[Reading[str]] = []
    for state in states:
        if not state.sets & {"palsy", "palsy_hint"} or state.over:
            continue
        sure = state.certain and "palsy" in state.sets
        if state.start is None:
            sure = sure and not relapses.dates
        elif relapses.dates and not _near_palsy(state.start, relapses.dates):
            continue
        readings.append(_reading({"yes"} if sure else {"yes", "no"}, state))
    return strongest(readings, "yes")


def _near_palsy(start: DateRange, dates: Iterable[DateRange]) -> bool:
    return any(
        start.latest >= relapse.earliest - timedelta(days=PALSY_BEFORE_DAYS)
        and start.earliest <= relapse.latest + timedelta(days=PALSY_AFTER_DAYS)
        for relapse in dates
    )


def _cns(states: Sequence[State], relapses: Relapses) -> Fact[str] | None:
    readings: list[Reading[str]] = []
    for state in states:
        certain = _certainty(state, relapses) if "cns_site" in state.sets else None
        if certain is None:
            continue
        readings.append(_reading({"asserted"} if certain else _EITHER, state))
    return strongest(readings, "asserted")


def _other_em(states: Sequence[State], relapses: Relapses) -> Fact[str] | None:
    readings: list[Reading[str]] = []
    for state in states:
        named = "other_em" in state.sets
        unnamed = "other_em_unspecific" in state.sets or (
            "leukaemic_infiltration" in state.sets and "site_testis" not in state.sets
        )
        certain = _certainty(state, relapses) if named or unnamed else None
        if certain is None:
            continue
        proven = certain and named and state.confirmed
        readings.append(_reading({"proven" if proven else "unproven"}, state))
    return strongest(readings, "proven")


def _testis_states(
    states: Sequence[State], relapses: Relapses
) -> list[tuple[State, bool, frozenset[str]]]:
    """Conditions of a testis at relapse: the Condition, whether certain, the sides it names."""
    found = []
    for state in states:
        infiltration = {"leukaemic_infiltration", "site_testis"} <= state.sets
        if "testis_site" in state.sets or infiltration:
            certain = _certainty(state, relapses)
            if certain is not None:
                found.append((state, certain, state.sides))
    return found


def _testis(testis: Sequence[tuple[State, bool, frozenset[str]]], side: str) -> Fact[str] | None:
    readings = [
        _reading({"involved"} if certain and sides else {"involved", "not_involved"}, state)
        for state, certain, sides in testis
        if not sides or side in sides
    ]
    return strongest(readings, "involved")


def _biopsy(
    testis: Sequence[tuple[State, bool, frozenset[str]]],
    results: Sequence[Result],
    treatments: Sequence[Treatment],
    relapses: Relapses,
    side: str,
) -> Fact[str] | None:
    readings: list[Reading[str]] = []
    for result in results:
        at_relapse = relapses.distance(result.when) is not None
        if "testis_biopsy_result" not in result.sets or not at_relapse or not result.polarity:
            continue
        if not result.sides or side in result.sides:
            values = {result.polarity} if result.sides else {"positive", "negative"}
            readings.append(
                Reading(frozenset(values), result.reference, result.element, result.when)
            )
    if readings:
        return fact_of(readings)
    if not any(state.confirmed and side in sides for state, _, sides in testis):
        return None
    return fact_of(
        [
            Reading(frozenset({"positive"}), item.reference, "code", item.span)
            for item in treatments
            if item.done and side in item.tissue_of and _of_relapse(item, relapses)
        ]
    )


def _reading(values: Iterable[str], state: State) -> Reading[str]:
    return Reading(frozenset(values), state.reference, "code", state.start)


def _of_relapse(treatment: Treatment, relapses: Relapses) -> bool:
    at_relapse = relapses.distance(treatment.start) is not None
    return at_relapse or relapses.after(treatment.start) == {True}
