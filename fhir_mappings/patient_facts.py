"""From resources to PatientFacts: the one door between FHIR and the relapse model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from fhir_mappings.conditions import State, states_of
from fhir_mappings.course import course_of
from fhir_mappings.dates import days_of
from fhir_mappings.genetics import abl_mutation_of, genetics_of
from fhir_mappings.laboratory import Laboratory
from fhir_mappings.mrd import mrd_candidates, mrd_of
from fhir_mappings.observations import Result, results_of
from fhir_mappings.procedures import treatments_of
from fhir_mappings.r4 import Patient
from fhir_mappings.record import Recorded, cited, record_of
from fhir_mappings.relapses import Relapses
from fhir_mappings.resources import Resources
from fhir_mappings.sites import site_facts
from fhir_mappings.therapy import donors_of, therapy_of
from relapse_model.dates import DateRange
from relapse_model.facts import Fact, PatientFacts, fact

WORSE_AFTER_DAYS = 28
"""A status "worse" counts as no second remission only after so many days."""


def patient_facts(
    resources: Resources,
    *,
    patient_id: str,
    as_of: date,
    mrd_codes: Iterable[tuple[str, str]] = (),
) -> PatientFacts:
    """The facts about one child that ``resources`` tell on the day ``as_of``.

    ``mrd_codes``: (system, code) pairs of the site's own MRD tests. Never raises for anything
    that was sent; what could not be used is among ``remarks``.
    """
    record = record_of(resources, patient_id)
    site_codes = frozenset(mrd_codes)
    child = _child(record.patient)
    birth = _birth(record.patient)
    states, told = states_of(record.conditions, birth)
    remarks = [*record.remarks, *told]
    results, told = results_of(record, as_of, site_codes)
    remarks += told
    treatments, told = treatments_of(record.procedures, results, birth)
    remarks += told
    course = course_of(states, results)
    relapses = course.relapses
    candidates = mrd_candidates(results, site_codes)
    laboratory = Laboratory(results, relapses)
    measured = laboratory.facts(candidates)
    therapy = therapy_of(treatments, states, relapses)
    sex = next(iter(child["sex"].values)) if "sex" in child else ""
    facts: dict[str, Fact[Any] | None] = {
        **child,
        **course.facts,
        **measured,
        **site_facts(states, results, treatments, relapses, sex),
        **therapy.facts,
        "down_syndrome": _down_syndrome(states),
        "genetics": genetics_of(states, results),
        "abl_mutation": abl_mutation_of(results),
        "cr2": _cr2(states, results, relapses),
    }
    noticed = {*remarks, *course.remarks, *laboratory.remarks, *therapy.remarks}
    return PatientFacts(
        as_of=as_of,
        mrd=mrd_of(candidates, relapses, as_of),
        donors=donors_of(results),
        remarks=tuple(sorted(noticed)),
        **{name: value for name, value in facts.items() if value is not None},
    )


def _child(patient: Recorded[Patient] | None) -> dict[str, Fact[Any]]:
    if patient is None:
        return {}
    resource, evidence = patient.resource, (patient.reference,)
    facts: dict[str, Fact[Any]] = {}
    birth = days_of(resource.birth_date)
    if birth is not None:
        facts["birth_date"] = fact(birth, evidence=evidence)
    if resource.gender in {"female", "male"}:
        facts["sex"] = fact(resource.gender, evidence=evidence)
    if resource.deceased_boolean or resource.deceased_date_time:
        facts["deceased"] = fact("yes", evidence=evidence)
    return facts


def _birth(patient: Recorded[Patient] | None) -> DateRange | None:
    return days_of(patient.resource.birth_date) if patient else None


def _down_syndrome(states: Sequence[State]) -> Fact[str] | None:
    found = [state for state in states if "down_syndrome" in state.sets]
    if not found:
        return None
    sure = any(state.certain for state in found)
    evidence = cited(state.reference for state in found)
    return fact(*(("yes",) if sure else ("yes", "no")), evidence=evidence)


def _cr2(
    states: Sequence[State], results: Sequence[Result], relapses: Relapses
) -> Fact[str] | None:
    """The second remission: the last word after the relapse, both of equally late ones."""
    if not relapses.dates:
        return None
    told: list[tuple[DateRange, str, str]] = []
    for result in results:
        if "disease_status" not in result.sets or result.when is None:
            continue
        if relapses.after(result.when) != {True} or _is_at(result.when, relapses):
            continue
        if "full_remission" in result.value_sets:
            told.append((result.when, "achieved", result.reference))
        elif "worse" in result.value_sets and _is_late(result.when, relapses):
            told.append((result.when, "not_achieved", result.reference))
    for state in states:
        refractory = "all_refractory" in state.sets and state.certain
        if refractory and state.start and relapses.after(state.start) == {True}:
            told.append((state.start, "not_achieved", state.reference))
    if not told:
        return None
    latest = max(when.latest for when, _, _ in told)
    last = [(value, ref) for when, value, ref in told if when.latest == latest]
    return Fact(frozenset(value for value, _ in last), cited(ref for _, ref in last))


def _is_at(when: DateRange, relapses: Relapses) -> bool:
    return any(when.earliest <= relapse.latest for relapse in relapses.dates)


def _is_late(when: DateRange, relapses: Relapses) -> bool:
    return all((when.earliest - day.latest).days > WORSE_AFTER_DAYS for day in relapses.dates)
