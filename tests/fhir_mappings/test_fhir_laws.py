"""Laws of reading: they hold for any record, not for the examples alone."""

from __future__ import annotations

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import Resources
from relapse_model.decide import decide
from relapse_model.facts import PatientFacts
from tests.support.json_shapes import any_json, r4_resource, spoiled
from tests.support.vignette_fhir import bundle_for, patient_id_of

AS_OF = date(2026, 1, 15)
FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
VIGNETTES = json.loads(FILE.read_text("utf-8"))["vignettes"]
RECORDS = [
    (
        patient_id_of(vignette),
        [entry["resource"] for entry in bundle_for(vignette, dialect)["entry"]],
    )
    for vignette in VIGNETTES
    for dialect in ("ehr", "mcode", "pcsp")
]

any_record = st.sampled_from(RECORDS)
calm = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def facts_of(patient_id: str, resources: list[Any]) -> PatientFacts:
    """The facts that a searchset of ``resources`` tells."""
    bundle = {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}
    collected = Resources()
    collected.add(json.dumps(bundle).encode(), "bundle")
    return patient_facts(collected, patient_id=patient_id, as_of=AS_OF)


@st.composite
def spoiled_record(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """A record in which some resources have one element of any JSON value."""
    patient_id, resources = draw(any_record)
    return patient_id, [spoiled(draw, r) if draw(st.booleans()) else r for r in resources]


@calm
@given(any_json)
def test_any_json_as_a_prefetch_value_is_read_without_an_error(value: Any) -> None:
    """Junk becomes unreadable or empty; it never raises."""
    resources = Resources()
    resources.add(json.dumps(value).encode(), "conditions")
    patient_facts(resources, patient_id="child", as_of=AS_OF)


@calm
@given(st.binary(max_size=40))
def test_any_bytes_as_a_prefetch_value_are_read_without_an_error(value: bytes) -> None:
    """What is not JSON at all never raises either."""
    Resources().add(value, "conditions")


@calm
@given(st.lists(any_json, max_size=4), any_record)
def test_junk_entries_spoil_no_other_entry(
    junk: list[Any], record: tuple[str, list[dict[str, Any]]]
) -> None:
    """The facts beside junk entries are the facts without them."""
    patient_id, resources = record
    bundle = {"resourceType": "Bundle", "entry": [*junk, *({"resource": r} for r in resources)]}
    collected = Resources()
    collected.add(json.dumps(bundle).encode(), "bundle")
    read = patient_facts(collected, patient_id=patient_id, as_of=AS_OF)
    assert read.with_facts(remarks=()) == facts_of(patient_id, resources)


@calm
@given(spoiled_record())
def test_a_spoiled_element_never_raises(record: tuple[str, list[dict[str, Any]]]) -> None:
    """Any value in any element of any resource is read, refused or ignored."""
    facts_of(*record)


@calm
@given(spoiled_record(), st.randoms(use_true_random=False))
def test_the_order_of_resources_changes_nothing(
    record: tuple[str, list[dict[str, Any]]], random: Any
) -> None:
    """Facts, MRD and remarks are the same in any order."""
    patient_id, resources = record
    shuffled = random.sample(resources, len(resources))
    first, second = facts_of(patient_id, resources), facts_of(patient_id, shuffled)
    assert first.with_facts(remarks=()) == second.with_facts(remarks=())
    assert {r.flag for r in first.remarks} == {r.flag for r in second.remarks}


@calm
@given(any_record, st.data())
def test_duplicates_change_nothing(
    record: tuple[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """A resource that is sent twice is one resource."""
    patient_id, resources = record
    doubled = [*resources, *data.draw(st.lists(st.sampled_from(resources), max_size=5))]
    assert facts_of(patient_id, doubled) == facts_of(patient_id, resources)


@calm
@given(any_record, st.data())
def test_a_resource_entered_in_error_equals_its_absence(
    record: tuple[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """So does a refuted Condition."""
    patient_id, resources = record
    place = data.draw(st.integers(1, len(resources) - 1))
    struck = copy.deepcopy(resources[place])
    if struck["resourceType"] == "Condition":
        word = data.draw(st.sampled_from(["entered-in-error", "refuted"]))
        struck["verificationStatus"] = {"coding": [{"code": word}]}
    else:
        struck["status"] = data.draw(st.sampled_from(["entered-in-error", "cancelled"]))
    without = [*resources[:place], *resources[place + 1 :]]
    with_struck = [*without, struck]
    assert facts_of(patient_id, with_struck) == facts_of(patient_id, without)


@calm
@given(any_record, st.data())
def test_a_resource_about_another_patient_is_ignored_and_noted(
    record: tuple[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """It changes no fact, and the remark OTHER_PATIENT names it."""
    patient_id, resources = record
    foreign = copy.deepcopy(data.draw(st.sampled_from(resources[1:])))
    foreign |= {"id": "of-the-sibling", "subject": {"reference": "Patient/sibling"}}
    read = facts_of(patient_id, [*resources, foreign])
    assert read.with_facts(remarks=()) == facts_of(patient_id, resources)
    assert [(r.flag, r.evidence) for r in read.remarks] == [
        ("OTHER_PATIENT", (f"{foreign['resourceType']}/of-the-sibling",))
    ]


@calm
@given(any_record, st.data())
def test_knowing_less_of_a_date_never_rules_out_the_true_one(
    record: tuple[str, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """The interval of a shortened relapse date contains the whole date."""
    patient_id, resources = record
    whole = facts_of(patient_id, resources)
    blurred = copy.deepcopy(resources)
    relapses = [r for r in blurred if _is_relapse(r) and len(r.get("onsetDateTime", "")) == 10]
    for resource in relapses:
        length = data.draw(st.sampled_from([4, 7]))
        resource["onsetDateTime"] = resource["onsetDateTime"][:length]
    read = facts_of(patient_id, blurred)
    for true in whole.relapse_date.values:
        assert any(
            r.earliest <= true.earliest and true.latest <= r.latest
            for r in read.relapse_date.values
        )


def _is_relapse(resource: dict[str, Any]) -> bool:
    codings = resource.get("code", {}).get("coding", [])
    return resource["resourceType"] == "Condition" and codings[0]["code"] == "C91.02"


@calm
@given(st.lists(r4_resource(), max_size=6))
def test_any_r4_shaped_resource_is_read_without_an_error(resources: list[dict[str, Any]]) -> None:
    """Codes, dates and units in any combination become unknown or unreadable, never an error."""
    about = [
        {"resourceType": "Patient", "id": "child", "birthDate": "2017-05-01"},
        *(
            resource
            | {
                "id": f"r{number}",
                "patient" if resource["resourceType"] == "EpisodeOfCare" else "subject": {
                    "reference": "Patient/child"
                },
            }
            for number, resource in enumerate(resources)
        ),
    ]
    facts = facts_of("child", about)
    assert decide(facts).plan
    facts_of("child", resources)


def unrelated(number: int, patient_id: str) -> dict[str, Any]:
    """A resource of a real chart that says nothing about the leukaemia."""
    kinds: list[dict[str, Any]] = [
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
            "valueQuantity": {"value": 0.4, "unit": "mg/dL"},
            "effectiveDateTime": f"20{20 + number % 6}-0{1 + number % 9}-11",
        },
        {
            "resourceType": "Condition",
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": "195967001"}]},
            "onsetDateTime": "2019-05-05",
        },
        {
            "resourceType": "Procedure",
            "status": "completed",
            "code": {"text": "Insertion of a central venous catheter"},
            "performedDateTime": "2022-01-11",
        },
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "intent": "order",
            "medicationCodeableConcept": {"text": "Ondansetron"},
        },
        {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "Body weight"},
            "valueQuantity": {"value": 20, "unit": "kg"},
        },
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}},
    ]
    subject = {"reference": f"Patient/{patient_id}"}
    return kinds[number % len(kinds)] | {"id": f"unrelated-{number}", "subject": subject}


@calm
@given(any_record, st.integers(0, 5), st.randoms(use_true_random=False))
def test_six_hundred_unrelated_resources_change_nothing(
    record: tuple[str, list[dict[str, Any]]], first: int, random: Any
) -> None:
    """The rest of a chart is no evidence and draws no remark."""
    patient_id, resources = record
    chart = [*resources, *(unrelated(first + n, patient_id) for n in range(600))]
    random.shuffle(chart)
    assert facts_of(patient_id, chart) == facts_of(patient_id, resources)
