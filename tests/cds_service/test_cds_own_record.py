"""A Bundle of one's own becomes the request that an EHR would send about its patient."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.errors import MalformedRequest, RequiredDataMissing
from cds_service.own_record import hook_request_about, unread_in
from cds_service.patient_view import DECISION, patient_view
from cds_service.sample_patients.samples import samples

PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1"}


def bundle(*resources: Any, **more: Any) -> bytes:
    """A collection Bundle of these resources."""
    entry = [{"resource": resource} for resource in resources]
    told = {"resourceType": "Bundle", "type": "collection", "entry": entry, **more}
    return json.dumps(told).encode()


@pytest.mark.parametrize("patient_id", list(samples()))
def test_a_sample_as_a_bundle_is_decided_as_by_the_hook(patient_id: str) -> None:
    """The file that ships with the package gives the plan that its child must get."""
    child = samples()[patient_id]
    answer = patient_view(hook_request_about(bundle(*child.resources)))
    decision = answer["extension"][DECISION]
    assert decision["plan"] == child.plan
    assert bool(answer["cards"]) is child.shown
    assert "DATA_INCOMPLETE" not in decision.get("flags", [])


def test_a_hook_request_is_taken_as_it_is() -> None:
    """Byte for byte: its own reader names what is wrong with it."""
    body = b'{"hook": "patient-view", "context": 7}'
    assert hook_request_about(body) == body


def test_a_first_page_is_not_taken_for_the_whole_record() -> None:
    """A searchset with a next link is incomplete, and the answer says so."""
    link = [{"relation": "next", "url": "https://ehr.example.org/fhir?page=2"}]
    answer = patient_view(hook_request_about(bundle(PATIENT, link=link)))
    told = json.dumps(answer["extension"][DECISION])
    assert "DATA_INCOMPLETE" in told
    assert answer["cards"], "an empty list would be an all-clear"


@pytest.mark.parametrize(
    ("document", "field", "words"),
    [
        (b"", "", "JSON"),
        (b"{", "", "JSON"),
        (b'{"resourceType": "Bundle",}', "", "byte 26"),
        (b"\xff{}", "", "JSON"),
        (b"[]", "", "object"),
        (b'{"x": ' + b"[" * 100_000, "", "nested"),
        (b"{}", "resourceType", "required"),
        (b'{"resourceType": 7}', "resourceType", "FHIR"),
        (b'{"resourceType": "Patient", "id": "p1"}', "resourceType", "Bundle"),
        (b'{"resourceType": "Bundle"}', "entry", "there are 0"),
        (b'{"resourceType": "Bundle", "entry": {}}', "entry", "FHIR"),
        (bundle(PATIENT, {**PATIENT, "id": "p2"}), "entry", "there are 2"),
        (bundle({"resourceType": "Patient"}), "entry[0].resource.id", "required"),
        (bundle(PATIENT, {"id": "x"}), "entry[1].resource", "resourceType"),
        (bundle(PATIENT, 7), "entry[1].resource", "resourceType"),
        (b'{"resourceType": "Bundle", "entry": [7]}', "entry[0]", "object"),
        (b'{"resourceType": "Bundle", "entry": [{}]}', "entry[0].resource", "required"),
    ],
)
def test_what_cannot_be_read_is_named_by_field(document: bytes, field: str, words: str) -> None:
    """Nothing is guessed, and nothing that was in the file is repeated."""
    with pytest.raises(MalformedRequest) as error:
        hook_request_about(document)
    assert error.value.fields == ((field,) if field else ())
    assert words in error.value.diagnostics


SUBJECT = {"subject": {"reference": "Patient/p1"}}
BROKEN = {"resourceType": "Condition", "id": "c1", "code": "x", **SUBJECT}


def test_a_resource_that_is_not_fhir_is_named_and_the_rest_is_read() -> None:
    """As in the hook: one bad Condition is said to be unread, and no all-clear is given."""
    sound = {"resourceType": "Condition", "id": "c2", **SUBJECT}
    answer = patient_view(hook_request_about(bundle(PATIENT, BROKEN, sound)))
    assert "Condition/c1" in json.dumps(answer["extension"][DECISION])
    assert answer["cards"]


def test_where_nothing_required_can_be_read_the_faults_are_still_named() -> None:
    """The refusal of the hook, and beside it the resource and its field."""
    asked = hook_request_about(bundle(PATIENT, BROKEN))
    with pytest.raises(RequiredDataMissing):
        patient_view(asked)
    (unread,) = unread_in(asked)
    assert unread.reference == "Condition/c1"
    assert "code" in unread.fault
