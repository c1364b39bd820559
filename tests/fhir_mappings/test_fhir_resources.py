"""Prefetch values, entry by entry; whose resources they are; what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import pytest

from fhir_mappings import r4b
from fhir_mappings.errors import UnknownResourceError
from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import MOST_NAMED_FAULTS, PrefetchKind, Resources
from fhir_mappings.subject import local
from relapse_model.facts import PatientFacts

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]
CANARY = "Zzyzx-Canary"


def added(value: Any) -> tuple[Resources, Any]:
    """Resources after one prefetch value, and its state."""
    resources = Resources()
    return resources, resources.add(json.dumps(value).encode(), "conditions")


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    """A searchset of resources."""
    return {"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]} | more


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (None, PrefetchKind.EMPTY),
        ({"resourceType": "Bundle"}, PrefetchKind.EMPTY),
        (bundle(total=0), PrefetchKind.EMPTY),
        ({"resourceType": "OperationOutcome", "issue": []}, PrefetchKind.FAILED),
        ({"resourceType": "Patient", "id": "child"}, PrefetchKind.DATA),
        (bundle({"resourceType": "Condition", "id": "c"}), PrefetchKind.DATA),
        ({"resourceType": "Patient", "id": 5}, PrefetchKind.UNREADABLE),
        ({"resourceType": "Bundle", "entry": "x"}, PrefetchKind.UNREADABLE),
        (bundle({"resourceType": "Condition", "code": "x"}), PrefetchKind.UNREADABLE),
        ({"id": "x"}, PrefetchKind.UNREADABLE),
        ([], PrefetchKind.UNREADABLE),
    ],
)
def test_the_state_of_a_prefetch_value_is_told(value: Any, kind: PrefetchKind) -> None:
    """Data, empty, failed or unreadable."""
    assert added(value)[1].kind is kind


def test_a_note_beside_the_results_is_neither_data_nor_an_error() -> None:
    """Epic answers an empty search with an OperationOutcome entry."""
    note = {"resource": {"resourceType": "OperationOutcome"}, "search": {"mode": "outcome"}}
    resources, state = added({"resourceType": "Bundle", "total": 0, "entry": [note]})
    assert state.kind is PrefetchKind.EMPTY
    assert resources.unreadable == []


@pytest.mark.parametrize(
    ("more", "next_url"),
    [
        ({"total": 3}, None),
        ({"link": [{"relation": "next", "url": "https://x.example/2"}]}, "https://x.example/2"),
    ],
)
def test_more_than_was_sent_is_truncated(more: dict[str, Any], next_url: str | None) -> None:
    """By its total or by a link to the next page."""
    resources, state = added(bundle({"resourceType": "Condition", "id": "c"}, **more))
    assert (state.truncated, state.next_url) == (True, next_url)
    assert resources.truncated == {"conditions"}


def test_one_bad_entry_is_named_and_spoils_no_other() -> None:
    """Its reference and the path of its fault."""
    bad = {"resourceType": "Observation", "id": "o1", "code": {"text": 5}, "status": "final"}
    resources, state = added(bundle(1, bad, {"resourceType": "Condition", "id": "c"}))
    assert state.kind is PrefetchKind.DATA
    assert [held.reference for held in resources.held("Condition")] == ["Condition/c"]
    named = {item.reference: item.fault for item in resources.unreadable}
    assert "Observation.code.text: is not a string" in named["Observation/o1"]
    assert set(named) == {"conditions[0]", "Observation/o1"}


def test_resources_that_are_not_read_are_not_judged() -> None:
    """An Encounter is none of ours."""
    assert added(bundle({"resourceType": "Encounter", "id": 5}))[0].unreadable == []


def test_a_fault_repeats_nothing_of_the_resource() -> None:
    """Neither a value nor the name of an unknown element."""
    raw = {
        "resourceType": "Patient",
        "birthDate": CANARY,
        CANARY: 1,
        "name": [{"family": [CANARY]}],
    }
    text = r4b.fault("Patient", json.dumps(raw).encode())
    assert "birthDate" in text
    assert CANARY not in text


def test_only_so_many_faults_are_looked_up() -> None:
    """The full FHIR model is slow; the rest is named without its reason."""
    bad = [{"resourceType": "Condition", "id": f"c{n}", "code": 5} for n in range(30)]
    faults = [item.fault for item in added(bundle(*bad))[0].unreadable]
    assert len(faults) == 30
    assert sum("Condition.code" in fault for fault in faults) <= MOST_NAMED_FAULTS


def test_emitted_resources_are_built_and_validated() -> None:
    """What is not valid FHIR is not built."""
    task = {"resourceType": "Basic", "code": {"text": "note"}}
    assert r4b.built(task) == task
    with pytest.raises(ValueError, match="birthDate"):
        r4b.built({"resourceType": "Patient", "birthDate": "soon"})
    with pytest.raises(UnknownResourceError):
        r4b.model("Nonsense")


def test_raw_slices_are_read_as_bytes_are() -> None:
    """The hook request hands over slices of its body."""
    raw = msgspec.json.decode(b'{"p": {"resourceType": "Patient", "id": "a"}}', type=dict)["p"]
    resources = Resources()
    resources.add(msgspec.Raw(msgspec.json.encode(raw)), "patient")
    assert resources.patient_ids == {"a"}


def test_the_newer_of_two_versions_counts(read: Read, relapsed: Record) -> None:
    """By meta.lastUpdated, in any order and any time zone."""
    old = relapsed[3] | {"meta": {"lastUpdated": "2024-03-21T10:00:00Z"}}
    new = old | {
        "onsetDateTime": "2024-03-10",
        "meta": {"lastUpdated": "2024-03-21T11:00:00+02:00"},
    }
    for pair in ([old, new], [new, old]):
        facts = read(*relapsed[:3], *pair)
        assert {str(day) for day in facts.relapse_date.values} == {"2024-03-20"}


@pytest.mark.parametrize(
    "reference",
    [
        "Patient/child",
        "https://fhir.example.org/r4/Patient/child",
        "Patient/child/_history/3",
        "urn:uuid:0b4e4a4e-0000-4000-8000-000000000001",
    ],
)
def test_a_subject_may_be_relative_absolute_or_a_full_url(relapsed: Record, reference: str) -> None:
    """All of these are the child."""
    for found in relapsed[1:]:
        found["subject"] = {"reference": reference}
    urn = "urn:uuid:0b4e4a4e-0000-4000-8000-000000000001"
    entries = [{"fullUrl": urn, "resource": relapsed[0]}]
    entries += [{"resource": found} for found in relapsed[1:]]
    resources, _ = added({"resourceType": "Bundle", "entry": entries})
    facts = patient_facts(resources, patient_id="child", as_of=date(2026, 1, 15))
    assert facts.relapse_number.values == {"1"}
    assert facts.remarks == ()


@pytest.mark.parametrize(
    ("subject", "flag"),
    [
        ({"reference": "Patient/sibling"}, "OTHER_PATIENT"),
        ({"reference": "urn:uuid:1"}, "OTHER_PATIENT"),
        ({"identifier": {"value": "MRN1"}}, "UNREADABLE"),
        (None, "UNREADABLE"),
    ],
)
def test_what_is_not_about_the_child_is_no_evidence_and_is_noted(
    read: Read, relapsed: Record, subject: Any, flag: str
) -> None:
    """Another patient's resource, a logical reference, none."""
    stray = {k: v for k, v in (relapsed[3] | {"subject": subject}).items() if v is not None}
    facts = read(*relapsed[:3], stray)
    assert facts.relapse_number.values == {"0"}
    assert [(r.flag, r.evidence) for r in facts.remarks] == [(flag, (f"Condition/{stray['id']}",))]


def test_a_result_focused_on_a_donor_is_not_the_childs(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """``focus`` moves it to another person."""
    typed = resource(
        "Observation",
        code=coded("loinc 11150-0"),
        effectiveDateTime="2024-03-20",
        valueQuantity={"value": 80, "unit": "%"},
        focus=[{"reference": "Patient/sibling"}],
    )
    assert {r.flag for r in read(*relapsed, typed).remarks} == {"OTHER_PATIENT"}


def test_references_are_compared_without_server_and_version() -> None:
    """``Type/id`` is what remains."""
    assert local("https://a.example/r4/Patient/1/_history/2") == "Patient/1"
    assert local("Patient/1") == "Patient/1"
    assert local("#s") == "#s"


@pytest.mark.parametrize(
    "contained", [[{"resourceType": None}], [{"resourceType": "Nonsense"}], [{}], [None], [5], 5]
)
def test_what_the_full_model_stumbles_over_is_still_unreadable(contained: Any) -> None:
    """The model of FHIR raises errors of its own over some contained resources."""
    odd = {"resourceType": "Observation", "id": "x", "code": 3, "contained": contained}
    resources, _ = added(bundle(odd))
    assert [item.reference for item in resources.unreadable] == ["Observation/x"]


def test_a_contained_resource_of_any_type_refuses_no_result() -> None:
    """It is looked at only when something points at it."""
    laboratory = {"resourceType": "Organization", "id": "o", "type": [{"text": "laboratory"}]}
    result = {"resourceType": "Observation", "id": "x", "contained": [laboratory]}
    resources, _ = added(bundle(result))
    assert resources.unreadable == []
