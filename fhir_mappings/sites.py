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
from fhir_mappings.record import cited
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
    readings: list[tuple[frozenset[str], str]] = []
    for state in states:
        if not state.sets & {"palsy", "palsy_hint"} or state.over:
            continue
        sure = state.certain and "palsy" in state.sets
        if state.start is None:
            sure = sure and not relapses.dates
        elif relapses.dates and not _near_palsy(state.start, relapses.dates):
            continue
        readings.append((frozenset({"yes"} if sure else {"yes", "no"}), state.reference))
    return _strongest(readings, "yes")


def _near_palsy(start: DateRange, dates: Iterable[DateRange]) -> bool:
    return any(
        start.latest >= relapse.earliest - timedelta(days=PALSY_BEFORE_DAYS)
        and start.earliest <= relapse.latest + timedelta(days=PALSY_AFTER_DAYS)
        for relapse in dates
    )


def _cns(states: Sequence[State], relapses: Relapses) -> Fact[str] | None:
    readings: list[tuple[frozenset[str], str]] = []
    for state in states:
        certain = _certainty(state, relapses) if "cns_site" in state.sets else None
        if certain is None:
            continue
        values = frozenset({"asserted"}) if certain else _EITHER
        readings.append((values, state.reference))
    return _strongest(readings, "asserted")


def _other_em(states: Sequence[State], relapses: Relapses) -> Fact[str] | None:
    readings: list[tuple[frozenset[str], str]] = []
    for state in states:
        named = "other_em" in state.sets
        unnamed = "other_em_unspecific" in state.sets or (
            "leukaemic_infiltration" in state.sets and "site_testis" not in state.sets
        )
        certain = _certainty(state, relapses) if named or unnamed else None
        if certain is None:
            continue
        proven = certain and named and state.confirmed
        readings.append((frozenset({"proven" if proven else "unproven"}), state.reference))
    return _strongest(readings, "proven")


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
        (
            frozenset({"involved"} if certain and sides else {"involved", "not_involved"}),
            state.reference,
        )
        for state, certain, sides in testis
        if not sides or side in sides
    ]
    return _strongest(readings, "involved")


def _biopsy(
    testis: Sequence[tuple[State, bool, frozenset[str]]],
    results: Sequence[Result],
    treatments: Sequence[Treatment],
    relapses: Relapses,
    side: str,
) -> Fact[str] | None:
    values: set[str] = set()
    evidence: list[str] = []
    for result in results:
        at_relapse = relapses.distance(result.when) is not None
        if "testis_biopsy_result" in result.sets and at_relapse and result.polarity:
            if side in result.sides:
                values.add(result.polarity)
                evidence.append(result.reference)
            elif not result.sides:
                values |= {"positive", "negative"}
                evidence.append(result.reference)
    if values:
        return Fact(frozenset(values), cited(evidence))
    confirmed = any(state.confirmed and side in sides for state, _, sides in testis)
    taken = [
        treatment.reference
        for treatment in treatments
        if treatment.done and side in treatment.tissue_of and _of_relapse(treatment, relapses)
    ]
    return Fact(frozenset({"positive"}), cited(taken)) if confirmed and taken else None


def _of_relapse(treatment: Treatment, relapses: Relapses) -> bool:
    at_relapse = relapses.distance(treatment.start) is not None
    return at_relapse or relapses.after(treatment.start) == {True}


def _strongest(readings: Sequence[tuple[frozenset[str], str]], proof: str) -> Fact[str] | None:
    """``proof`` where one source proves it, else all that is possible; None for silence."""
    if not readings:
        return None
    values = frozenset[str]().union(*(values for values, _ in readings))
    if frozenset({proof}) in (values for values, _ in readings):
        values = frozenset({proof})
    return Fact(values, cited(reference for _, reference in readings))
