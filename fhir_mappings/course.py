"""The disease and its course: which leukaemia, diagnosed when, remission when, relapsed when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fhir_mappings.conditions import State
from fhir_mappings.dates import first_of
from fhir_mappings.observations import Result
from fhir_mappings.quantities import PERCENT, amount_of
from fhir_mappings.readings import Reading, cited, fact_of, with_elements
from fhir_mappings.relapses import (
    ALL_SETS,
    DISEASE,
    REMISSION,
    Relapses,
    events_of,
    relapse_conditions,
    relapses_of,
    without_copied_onsets,
)
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange
from relapse_model.facts import ANY_DAY, Fact, Remark, fact

_B: Final = re.compile(
    r"\b(?:pre|pro|precursor|common)[-\s]?b\b|\bb[-\s]?(?:cell|lineage|precursor|lympho\w+|all)\b"
    r"|\bbcp\b|\bcommon all\b",
    re.IGNORECASE,
)
_T: Final = re.compile(
    r"\bt[-\s]?(?:cell|lineage|precursor|lympho\w+|all)\b|\bprecursor[-\s]t\b", re.IGNORECASE
)
_MIXED: Final = re.compile(r"mixed[-\s]phenotype|\bmpal\b|biphenotypic", re.IGNORECASE)
_ANY: Final = DateRange(FIRST_DAY, LAST_DAY)
_M3: Final = 25
"""Per cent blasts that make a marrow relapse alone (facts: marrow_blasts)."""


@dataclass(frozen=True, slots=True)
class Course:
    """Facts about the course, by name; the relapse that others are placed by; remarks."""

    facts: dict[str, Fact[Any]]
    relapses: Relapses
    cr1: DateRange | None
    remarks: tuple[Remark, ...]


def course_of(states: Sequence[State], results: Sequence[Result]) -> Course:
    """The course of the disease out of Conditions and status results."""
    facts: dict[str, Fact[Any]] = {"disease": _disease(states, results)}
    remarks: list[Remark] = []
    phenotype = _immunophenotype(states, results)
    if phenotype is not None:
        facts["immunophenotype"] = phenotype
        if not phenotype.decided:
            text = "Sources disagree about the immunophenotype."
            remarks.append(Remark("CODE_TEXT_CONFLICT", text, phenotype.evidence))
    diagnosis, told = _diagnosis(states, results)
    remarks += told
    remissions = _remissions(states, results)
    day = next(iter(diagnosis.values)) if diagnosis and not told else None
    events, copied = without_copied_onsets(events_of(states, results), day)
    if copied:
        text = "The onset of a relapse is that of the diagnosis: its date is unknown."
        remarks.append(Remark("DATA_INCOMPLETE", text, copied))
    remarks += _relapse_results(results)
    relapses = relapses_of(events, [item.when for item in remissions if item.when])
    cr1 = _cr1(remissions, relapses)
    if diagnosis is not None:
        facts["diagnosis_date"] = diagnosis
    if cr1 is not None:
        facts["cr1_date"] = cr1
    refractory = _cr1_achieved(states, remissions, relapses)
    if refractory is not None:
        facts["cr1_achieved"] = refractory
    cr1_day = next(iter(cr1.values)) if cr1 else None
    dx_day = next(iter(diagnosis.values)) if diagnosis else None
    relapses = msgspec.structs.replace(relapses, not_before=cr1_day or dx_day)
    relapses, stood_in = _dated(relapses, results, cr1_day)
    remarks += stood_in
    note = with_elements("", relapses.elements)
    facts["relapse_number"] = Fact(relapses.numbers, relapses.evidence, note)
    if relapses.dates:
        facts["relapse_date"] = Fact(frozenset(relapses.dates), relapses.evidence, note)
    elif relapses.possible:
        note = with_elements("no date recorded", relapses.elements)
        facts["relapse_date"] = Fact(ANY_DAY.values, relapses.evidence, note)
    return Course(facts, relapses, cr1_day, tuple(remarks))


def _disease(states: Sequence[State], results: Sequence[Result]) -> Fact[str]:
    kinds: dict[str, list[State]] = {}
    for state in states:
        for name in state.sets:
            kind = "ALL" if name in ALL_SETS or name == "all_refractory" else name
            kinds.setdefault(kind, []).append(state)
    mixed = [r.reference for r in results if "immunophenotype" in r.sets and _is_mixed(r)]
    names = {
        "mature_b": "mature_B",
        "mixed_phenotype": "mixed_phenotype",
        "ALL": "ALL",
        "lymphoblastic_lymphoma": "lymphoblastic_lymphoma",
    }
    values: set[str] = set()
    evidence: list[str] = []
    for kind, value in names.items():
        found = kinds.get(kind, [])
        if found:
            values.add(value)
            evidence += [state.reference for state in found]
        if any(state.certain for state in found):
            break
    else:
        values.add("other")
    hints = [state.reference for state in kinds.get("mature_b_hint", [])]
    if hints:
        values.add("mature_B")
    if mixed:
        values.add("mixed_phenotype")
    named = cited([*evidence, *hints, *mixed])
    return Fact(frozenset(values), named, with_elements("", ["code"] if named else []))


def _is_mixed(result: Result) -> bool:
    return bool(_MIXED.search(result.value_text)) or "mixed_phenotype" in result.value_sets


def _immunophenotype(states: Sequence[State], results: Sequence[Result]) -> Fact[str] | None:
    coded = [state for state in states if _lineages(state.sets, "")]
    readings = [
        Reading(lineage, state.reference, "code", state.start)
        for state in coded
        for lineage in (_lineages(state.sets, ""), _lineages(frozenset(), state.text))
    ]
    readings += [
        Reading(
            _lineages(result.value_sets, result.value_text),
            result.reference,
            result.element,
            result.when,
        )
        for result in results
        if "immunophenotype" in result.sets
    ]
    return fact_of([reading for reading in readings if len(reading.values) == 1])


def _lineages(sets: frozenset[str], text: str) -> frozenset[str]:
    found = set()
    if sets & {"all_b", "all_b_remission"} or _B.search(text):
        found.add("BCP")
    if sets & {"all_t", "all_t_remission"} or _T.search(text):
        found.add("T")
    return frozenset(found)


def _diagnosis(
    states: Sequence[State], results: Sequence[Result]
) -> tuple[Fact[DateRange] | None, list[Remark]]:
    relapsed = relapse_conditions(states)
    first = [
        state
        for state in states
        if state.sets & DISEASE
        and not state.sets & (REMISSION | {"all_refractory"})
        and state.reference not in relapsed
    ]
    dated = [
        Reading(frozenset({state.start}), state.reference, state.dated_by)
        for state in first
        if state.start is not None
    ]
    dated = dated or [
        Reading(frozenset({result.when}), result.reference, "effective[x]")
        for result in results
        if "diagnosis_observation" in result.sets and result.when is not None
    ]
    when = first_of([day for item in dated for day in item.values])
    if when is not None:
        return fact_of(dated, [when]), []
    recorded = [(s.recorded, s.reference) for s in first if s.recorded is not None]
    when = first_of([day for day, _ in recorded])
    if when is None:
        return None, []
    evidence = cited(reference for _, reference in recorded)
    text = "The diagnosis has only a recording date: it was then or earlier."
    note = with_elements(text, ["recordedDate"])
    bound = fact(DateRange(FIRST_DAY, when.latest), evidence=evidence, note=note)
    return bound, [Remark("RECORDED_DATE_ONLY", text, evidence)]


def _remissions(states: Sequence[State], results: Sequence[Result]) -> list[Reading[str]]:
    """Documented complete remissions with a date, the first one first."""
    found = [
        Reading(frozenset({"remission"}), result.reference, "effective[x]", result.when)
        for result in results
        if "disease_status" in result.sets
        and "full_remission" in result.value_sets
        and result.when is not None
    ]
    found += [
        Reading(frozenset({"remission"}), state.reference, state.dated_by, state.start)
        for state in states
        if state.sets & REMISSION and state.certain and state.start is not None
    ]
    return sorted(found, key=lambda item: (item.when or _ANY, item.reference))


def _relapse_results(results: Sequence[Result]) -> list[Remark]:
    """A relapse written as a result: it leaves one possible, and a person must look."""
    found = [result.reference for result in results if "all_relapse" in result.sets]
    if not found:
        return []
    text = "A result carries the code of a relapse, which is a diagnosis: please confirm it."
    return [Remark("UNREADABLE", text, cited(found))]


def _cr1(remissions: Sequence[Reading[str]], relapses: Relapses) -> Fact[DateRange] | None:
    """The first remission that may lie before the first relapse."""
    before = [
        item
        for item in remissions
        if item.when is not None
        and (relapses.first is None or item.when.earliest < relapses.first.latest)
    ]
    when = first_of([item.when for item in before if item.when is not None])
    if when is None:
        return None
    near = [item for item in before if item.when is not None and item.when.overlaps(when)]
    named = with_elements("", (item.element for item in near))
    return Fact(frozenset({when}), cited(item.reference for item in near), named)


def _cr1_achieved(
    states: Sequence[State], remissions: Sequence[Reading[str]], relapses: Relapses
) -> Fact[str] | None:
    """``no`` where the leukaemia was refractory with no remission before that."""
    readings: list[Reading[str]] = []
    for state in states:
        if "all_refractory" not in state.sets:
            continue
        if any(
            state.start is None or (item.when and item.when.earliest < state.start.latest)
            for item in remissions
        ):
            continue
        if relapses.possible and relapses.after(state.start) == {True}:
            continue
        sure = state.certain and (state.start is not None or not relapses.possible)
        values = frozenset({"no"} if sure else {"no", "yes"})
        readings.append(Reading(values, state.reference, "code", state.start))
    return fact_of(readings)


def _dated(
    relapses: Relapses, results: Sequence[Result], cr1: DateRange | None
) -> tuple[Relapses, list[Remark]]:
    """Case (e): no event has a date, so the first marrow of 25 % or more after CR1 gives it."""
    if relapses.dates or not relapses.possible or cr1 is None:
        return relapses, []
    proving = [
        (result.when, result.reference)
        for result in results
        if result.when is not None and result.when.earliest > cr1.latest and _proves(result)
    ]
    when = first_of([day for day, _ in proving])
    if when is None:
        return relapses, []
    evidence = cited(reference for day, reference in proving if day.overlaps(when))
    text = "The relapse has no date of its own: the first specimen that proves it stands in."
    dated = msgspec.structs.replace(
        relapses, dates=(when,), first=when, evidence=cited([*relapses.evidence, *evidence])
    )
    return dated, [Remark("DATA_INCOMPLETE", text, evidence)]


def _proves(result: Result) -> bool:
    if "marrow_blasts" in result.sets and result.specimen in {"marrow", "unknown"}:
        amount = amount_of(result.quantity, PERCENT).interval
        return amount is not None and amount.low >= _M3
    return "testis_biopsy_result" in result.sets and result.polarity == "positive"
