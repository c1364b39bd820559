"""Data that only infer what is on record, or what nothing hangs on, are one line and no flag."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import date
from typing import Any

import pytest

from cds_service.hook_request import HookRequest
from cds_service.patient_view import DECISION, decided, patient_view
from cds_service.sample_patients.fhir import resources_by_type, sample_request
from cds_service.sample_patients.samples import samples

FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
AS_OF = date(2026, 11, 22)
BY_TYPE = resources_by_type(samples())
LINE = "They only tell when first-line therapy ended"


def request(patient_id: str, *without: str) -> dict[str, Any]:
    """The request for a sample patient, without some keys of its prefetch."""
    body = deepcopy(sample_request(BY_TYPE, f"sample-{patient_id}", "http://127.0.0.1:9/fhir"))
    del body["fhirServer"]
    for key in without:
        del body["prefetch"][key]
    return body


def answer(body: dict[str, Any]) -> tuple[list[str], str]:
    """The flags of the decision, and the detail of the first card."""
    told = patient_view(json.dumps(body).encode(), AS_OF)
    flags: list[str] = told["extension"][DECISION].get("flags", [])
    return flags, told["cards"][0]["detail"] if told["cards"] else ""


@pytest.mark.parametrize("patient_id", ["s3-early-marrow", "s4-very-early", "s1-late-cns"])
def test_medications_that_could_only_repeat_a_course_on_record_are_one_quiet_line(
    patient_id: str,
) -> None:
    """A client that never sends them does not flag every card of every child."""
    flags, detail = answer(request(patient_id, "medications"))
    whole, _ = answer(request(patient_id))
    assert "DATA_INCOMPLETE" not in flags
    assert flags == whole
    assert detail.count(LINE) == 1
    assert "Not available: medications were not sent." in detail


def test_medications_that_may_tell_the_open_end_of_therapy_are_flagged() -> None:
    """Early or late hangs on it: what is missing may be there."""
    flags, detail = answer(request("no-therapy-end", "medications"))
    assert "DATA_INCOMPLETE" in flags
    assert "Not available: medications were not sent." in detail
    assert LINE not in detail


def test_where_nothing_hangs_on_the_end_of_therapy_the_line_is_quiet() -> None:
    """A T-cell marrow relapse is S4 whenever therapy ended."""
    body = request("s4-t-late-marrow", "medications")
    body["prefetch"]["procedures"] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    flags, detail = answer(body)
    assert "DATA_INCOMPLETE" not in flags
    assert LINE in detail


def test_an_end_inferred_from_other_chemotherapy_may_be_later() -> None:
    """The last dose of a drug may lie after the last course: the flag stays."""
    body = request("s3-early-marrow", "medications")
    for entry in body["prefetch"]["procedures"]["entry"]:
        code = entry["resource"]["code"]
        if "first" in entry["resource"]["id"]:
            entry["resource"].pop("category", None)
            entry["resource"].pop("extension", None)
            code["coding"] = [{"system": "http://snomed.info/sct", "code": "367336001"}]
            code["text"] = "Chemotherapy"
    flags, _ = answer(body)
    assert {"THERAPY_END_INFERRED", "DATA_INCOMPLETE"} <= set(flags)


@pytest.mark.parametrize("key", ["procedures", "observations", "laboratory"])
def test_other_data_that_did_not_arrive_are_always_flagged(key: str) -> None:
    """A transplantation or a result that nobody saw would change the plan."""
    flags, detail = answer(request("s3-early-marrow", key))
    assert "DATA_INCOMPLETE" in flags
    assert LINE not in detail


def test_a_failed_query_for_medications_is_told_in_the_same_line() -> None:
    """Why they are not there is said, whatever the reason."""
    body = request("s3-early-marrow")
    body["prefetch"]["medications"] = FAILED
    record = decided(HookRequest.parse(json.dumps(body).encode()), AS_OF)
    (unneeded,) = record.unneeded
    assert unneeded.text == "Not available: the client's query for medications failed."
    assert unneeded not in record.decision.remarks
