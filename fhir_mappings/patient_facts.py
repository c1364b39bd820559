"""From resources to PatientFacts: the one door between FHIR and the relapse model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from fhir_mappings.conditions import State, states_of
from fhir_mappings.course import course_of
from fhir_mappings.courses import courses_of
from fhir_mappings.dates import days_of
from fhir_mappings.genetics import abl_mutation_of, genetics_of
from fhir_mappings.laboratory import Laboratory
from fhir_mappings.medications import last_doses
from fhir_mappings.mrd import mrd_candidates, mrd_of
from fhir_mappings.observations import Result, results_of
from fhir_mappings.procedures import Treatment, treatments_of
from fhir_mappings.r4 import Patient
from fhir_mappings.r4_bundle import Held
from fhir_mappings.readings import Reading, cited, fact_of, strongest
from fhir_mappings.record import PatientRecord, record_of
from fhir_mappings.relapses import Relapses
from fhir_mappings.resources import Resources
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from fhir_mappings.sites import site_facts
from fhir_mappings.therapy import donors_of, therapy_of
from relapse_model.dates import DateRange
from relapse_model.facts import Fact, PatientFacts, Remark, fact

WORSE_AFTER_DAYS = 28
"""A status "worse" counts as no second remission only after so many days."""


def patient_facts(
    resources: Resources,
    *,
    patient_id: str,
    as_of: date,
    site: SiteCodes = NO_SITE_CODES,
) -> PatientFacts:
    """The facts about one child that ``resources`` tell on the day ``as_of``.

    ``site``: the site's own codes. Never raises for anything that was sent; what could not be
    used is among ``remarks``.
    """
    with site.in_force():
        return _facts(record_of(resources, patient_id), as_of)


def _facts(record: PatientRecord, as_of: date) -> PatientFacts:
    child = _child(record.patient)
    birth = _birth(record.patient)
    states, told = states_of(record.conditions, birth)
    remarks = [*record.remarks, *told]
    results, told = results_of(record, as_of)
    remarks += told
    treatments, told = treatments_of(record.procedures, results, birth)
    remarks += told
    course = course_of(states, results)
    relapses = course.relapses
    remarks += _undated(results, relapses)
    candidates = mrd_candidates(results)
    laboratory = Laboratory(results, relapses)
    measured = laboratory.facts(candidates)
    treatments += courses_of(record.plans)
    remarks += _reports(results, treatments, relapses, measured)
    therapy = therapy_of(treatments, last_doses(record), states, relapses)
    sex = next(iter(child["sex"].values)) if "sex" in child else ""
    facts: dict[str, Fact[Any] | None] = {
        **child,
        **therapy.facts,
        **course.facts,
        **measured,
        **site_facts(states, results, treatments, relapses, sex),
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


def _reports(
    results: Sequence[Result],
    treatments: Sequence[Treatment],
    relapses: Relapses,
    measured: Mapping[str, Fact[Any]],
) -> list[Remark]:
    """Narrative marrow reports: of a lumbar puncture, or the only word on the marrow."""
    taps = {item.reference for item in treatments if "lumbar_puncture" in item.kinds}
    reports = [result for result in results if "marrow_report" in result.sets]
    of_taps = [r.reference for r in reports if r.parts_of & taps or r.specimen == "conflict"]
    found = []
    if of_taps:
        text = "A report under a marrow code is of cerebrospinal fluid: it was not used."
        found.append(Remark("CODE_TEXT_CONFLICT", text, cited(of_taps)))
    alone = [
        report.reference
        for report in reports
        if report.reference not in of_taps and relapses.distance(report.when) is not None
    ]
    if alone and "marrow_blasts" not in measured:
        text = "A marrow report in words was not used: the blast percentage is missing."
        found.append(Remark("DATA_INCOMPLETE", text, cited(alone)))
    return found


def _child(patient: Held[Patient] | None) -> dict[str, Fact[Any]]:
    if patient is None:
        return {}
    resource, evidence = patient.resource, (patient.reference,)
    facts: dict[str, Fact[Any]] = {}
    birth = days_of(resource.birth_date)
    if birth is not None:
        facts["birth_date"] = fact(birth, evidence=evidence, note="read from birthDate")
    if resource.gender in {"female", "male"}:
        facts["sex"] = fact(resource.gender, evidence=evidence, note="read from gender")
    if resource.deceased_boolean or resource.deceased_date_time:
        facts["deceased"] = fact("yes", evidence=evidence, note="read from deceased[x]")
    return facts


def _birth(patient: Held[Patient] | None) -> DateRange | None:
    return days_of(patient.resource.birth_date) if patient else None


def _down_syndrome(states: Sequence[State]) -> Fact[str] | None:
    found = [state for state in states if "down_syndrome" in state.sets]
    if not found:
        return None
    readings = [
        Reading(frozenset({"yes"} if state.certain else {"yes", "no"}), state.reference, "code")
        for state in found
    ]
    return strongest(readings, "yes")


def _cr2(
    states: Sequence[State], results: Sequence[Result], relapses: Relapses
) -> Fact[str] | None:
    """The second remission: the last word after the relapse, both of equally late ones."""
    if not relapses.dates:
        return None
    told: list[Reading[str]] = []
    for result in results:
        if "disease_status" not in result.sets or result.when is None:
            continue
        if relapses.after(result.when) != {True} or _is_at(result.when, relapses):
            continue
        if "full_remission" in result.value_sets:
            told.append(_said("achieved", result))
        elif "worse" in result.value_sets and _is_late(result.when, relapses):
            told.append(_said("not_achieved", result))
    for state in states:
        refractory = "all_refractory" in state.sets and state.certain
        if refractory and state.start and relapses.after(state.start) == {True}:
            reading = Reading(frozenset({"not_achieved"}), state.reference, "code", state.start)
            told.append(reading)
    latest = max((item.when.latest for item in told if item.when), default=None)
    return fact_of([item for item in told if item.when and item.when.latest == latest])


def _said(value: str, result: Result) -> Reading[str]:
    return Reading(frozenset({value}), result.reference, result.element, result.when)


def _undated(results: Sequence[Result], relapses: Relapses) -> list[Remark]:
    """Results that count only by their day, and have none."""
    found = [
        result.reference
        for result in results
        if result.when is None
        and (
            ("testis_biopsy_result" in result.sets and relapses.dates)
            or ("disease_status" in result.sets and "recurrence" not in result.value_sets)
        )
    ]
    text = "Results without a date that can be read were not used."
    return [Remark("DATA_INCOMPLETE", text, cited(found))] if found else []


def _is_at(when: DateRange, relapses: Relapses) -> bool:
    return any(when.earliest <= relapse.latest for relapse in relapses.dates)


def _is_late(when: DateRange, relapses: Relapses) -> bool:
    return all((when.earliest - day.latest).days > WORSE_AFTER_DAYS for day in relapses.dates)
