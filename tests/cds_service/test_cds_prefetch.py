"""What may arrive under a prefetch key, and what follows from it."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from cds_service.body_errors import TooManyEntries, UnsafeText
from cds_service.errors import FieldMistyped, OtherPatient, RequiredDataMissing, WrongHook
from cds_service.hook_request import HookRequest
from cds_service.prefetch import REQUIRED, Prefetch, prefetched
from fhir_mappings.queries import prefetch_templates
from fhir_mappings.resources import MOST_ENTRIES

CASES = Path(__file__).parent / "validator_cases"
OPTIONAL = [key for key in prefetch_templates() if key not in REQUIRED]
EMPTY = {"resourceType": "Bundle", "type": "searchset", "total": 0}
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
EPIC_EMPTY = {
    "resourceType": "Bundle",
    "type": "searchset",
    "total": 0,
    "entry": [
        {
            "resource": {
                "resourceType": "OperationOutcome",
                "issue": [{"severity": "warning", "code": "not-found"}],
            },
            "search": {"mode": "outcome"},
        }
    ],
}
COMPLETE: dict[str, Any] = {
    **dict.fromkeys(prefetch_templates(), EMPTY),
    "patient": {"resourceType": "Patient", "id": "p1"},
}


def read(**changes: Any) -> Prefetch:
    """The prefetch COMPLETE with some keys changed; a key set to ... is left out."""
    values = {key: value for key, value in {**COMPLETE, **changes}.items() if value is not ...}
    body = {
        "hook": "patient-view",
        "hookInstance": "i",
        "context": {"patientId": "p1"},
        "prefetch": values,
    }
    return prefetched(HookRequest.parse(json.dumps(body).encode()))


def told(prefetch: Prefetch) -> list[str]:
    """The remarks on missing data, those on data that only infer included."""
    found = [*prefetch.remarks, *(remark for remark, _ in prefetch.inferring)]
    assert all(remark.flag == "DATA_INCOMPLETE" for remark in found)
    assert all("medications" in remark.text for remark, _ in prefetch.inferring)
    return [remark.text for remark in found]


def test_everything_sent_and_nothing_on_record_is_complete() -> None:
    """Empty searchsets are data: the answer is that there is nothing."""
    assert told(read()) == []


@pytest.mark.parametrize("key", list(prefetch_templates()))
@pytest.mark.parametrize("value", [None, EMPTY, EPIC_EMPTY])
def test_null_and_empty_mean_no_data_and_are_complete(key: str, value: Any) -> None:
    """``null`` = the client has no data; an outcome entry is Epic's way to say so."""
    assert told(read(**{key: value})) == []


@pytest.mark.parametrize("key", REQUIRED)
@pytest.mark.parametrize("value", [..., FAILED, {}, {"resourceType": 3}])
def test_required_data_that_did_not_arrive_are_a_412_that_names_the_key(
    key: str, value: Any
) -> None:
    """cds-hooks_2.0@54, @52: absent, a failed query, or nothing that can be read."""
    with pytest.raises(RequiredDataMissing) as refusal:
        read(**{key: value})
    assert refusal.value.fields == (f"prefetch.{key}",)


def test_all_missing_required_keys_are_named_at_once() -> None:
    """The client's developer mends the call once."""
    with pytest.raises(RequiredDataMissing) as refusal:
        read(patient=..., conditions=FAILED)
    assert refusal.value.fields == ("prefetch.patient", "prefetch.conditions")


@pytest.mark.parametrize("key", OPTIONAL)
@pytest.mark.parametrize("value", [..., FAILED, {}])
def test_optional_data_that_did_not_arrive_are_named_in_a_remark(key: str, value: Any) -> None:
    """No 412 for optional data: degrade and say so."""
    (text,) = told(read(**{key: value}))
    assert key in text


@pytest.mark.parametrize("key", [key for key in prefetch_templates() if key != "patient"])
def test_a_first_page_only_is_used_and_said(key: str) -> None:
    """cds-hooks_2.0 allows paging; we do not fetch the rest, so the card says so."""
    page = {**EMPTY, "total": 9, "link": [{"relation": "next", "url": "https://x.example/2"}]}
    (text,) = told(read(**{key: page}))
    assert "first page" in text
    assert key in text


@pytest.mark.parametrize("key", list(prefetch_templates()))
@pytest.mark.parametrize("value", [3, "text", [], True])
def test_a_value_that_is_no_object_is_a_400_that_names_the_key(key: str, value: Any) -> None:
    """A prefetch value is a resource or null."""
    with pytest.raises(FieldMistyped) as refusal:
        read(**{key: value})
    assert refusal.value.fields == (f"prefetch.{key}",)


@pytest.mark.parametrize("bundled", [True, False])
def test_the_patient_of_somebody_else_is_a_422(bundled: bool) -> None:
    """Read alone or as a search result."""
    other: dict[str, Any] = {"resourceType": "Patient", "id": "p2"}
    value = {**EMPTY, "total": 1, "entry": [{"resource": other}]} if bundled else other
    with pytest.raises(OtherPatient):
        read(patient=value)


@pytest.mark.parametrize("key", REQUIRED)
def test_required_data_of_another_type_are_no_data(key: str) -> None:
    """A resource that was not asked for under a required key is not "nothing on record"."""
    with pytest.raises(RequiredDataMissing) as refusal:
        read(**{key: {"resourceType": "Procedure", "id": "x"}})
    assert f"nothing of {key} could be read" in refusal.value.diagnostics


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_an_error_beside_the_data_is_said(severity: str) -> None:
    """The search failed in part; alone in a searchset it failed."""
    issue = [{"severity": severity, "code": "processing"}]
    failed = {"resource": {"resourceType": "OperationOutcome", "issue": issue}}
    beside = {"resource": {"resourceType": "Procedure", "id": "x"}}
    part = read(procedures={"resourceType": "Bundle", "entry": [beside, failed]})
    assert told(part) == ["The client's query for procedures failed in part."]
    none = read(procedures={"resourceType": "Bundle", "entry": [failed]})
    assert told(none) == ["Not available: the client's query for procedures failed."]
    with pytest.raises(RequiredDataMissing):
        read(conditions={"resourceType": "Bundle", "entry": [failed]})


@pytest.mark.parametrize(
    "bundle",
    [
        {"entry": [{"resource": {"resourceType": "Procedure"}}] * (MOST_ENTRIES + 1)},
        {"entry": [{}] * (MOST_ENTRIES + 1)},
        {"entry": [{}] * 300_000},
        {"entry": [{"resource": {"resourceType": "A", "contained": [{}] * 99}}] * MOST_ENTRIES},
    ],
)
def test_more_entries_than_are_read_are_a_413_that_names_the_key(bundle: dict[str, Any]) -> None:
    """Time and memory of one call are bounded by more than the size of its body."""
    with pytest.raises(TooManyEntries) as refusal:
        read(procedures={"resourceType": "Bundle"} | bundle)
    assert refusal.value.fields == ("prefetch.procedures",)


def test_as_many_entries_as_are_read_are_read() -> None:
    """The limit itself is allowed."""
    entries = [
        {"resource": {"resourceType": "Procedure", "id": str(n)}} for n in range(MOST_ENTRIES)
    ]
    assert told(read(procedures={"resourceType": "Bundle", "entry": entries})) == []


def test_unknown_keys_are_ignored() -> None:
    """Epic sends keys of its own."""
    assert told(read(**{"-user": 3, "allergies": FAILED})) == []


def test_the_card_says_which_data_were_not_available(client: FlaskClient) -> None:
    """Shown, not only logged: the reader must know what the answer does not rest on."""
    body = client.get("/sample-requests/sample-s3-early-marrow").json
    del body["prefetch"]["procedures"]
    response = client.post(SERVICE, json=body)
    assert any("procedures were not sent" in card["detail"] for card in response.json["cards"])
    flags = response.json["extension"]["org.relapsed-all.decision"]["flags"]
    assert "DATA_INCOMPLETE" in flags


@pytest.mark.parametrize("name", ["pv-good", "patient-view-good"])
def test_the_good_requests_of_the_hl7_validator_are_read(name: str) -> None:
    """They ask another service, so ours reads them and then misses its own data."""
    body = (CASES / f"cdshooks-request-{name}.json").read_bytes()
    with pytest.raises(RequiredDataMissing):
        prefetched(HookRequest.parse(body))


def test_the_bad_request_of_the_hl7_validator_is_read_leniently() -> None:
    """Its fault is ``Patient/`` before the id, which clients do send; we normalise it."""
    body = (CASES / "cdshooks-request-patient-view-bad.json").read_bytes()
    assert HookRequest.parse(body).patient_id == "example-rec-04-not-long-acting-opioid"


def test_a_request_for_another_hook_is_refused() -> None:
    """A good order-select is not ours to answer."""
    with pytest.raises(WrongHook):
        HookRequest.parse((CASES / "cdshooks-request-order-select-good.json").read_bytes())


resources = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "resourceType",
                    "id",
                    "entry",
                    "resource",
                    "code",
                    "coding",
                    "subject",
                    "link",
                    "total",
                ]
            ),
            inner | st.sampled_from(["Bundle", "Patient", "Condition", "Observation", "p1"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(list(prefetch_templates())), resources))
def test_any_json_as_prefetch_is_read_or_refused_with_its_status(values: dict[str, Any]) -> None:
    """Nothing that a client puts under a key is a bug of ours."""
    body = {
        "hook": "patient-view",
        "hookInstance": "i",
        "context": {"patientId": "p1"},
        "prefetch": values,
    }
    # Any other exception fails the test.
    with suppress(FieldMistyped, RequiredDataMissing, OtherPatient, UnsafeText):
        prefetched(HookRequest.parse(json.dumps(body).encode()))


@given(values=st.dictionaries(st.sampled_from(list(prefetch_templates())), resources))
def test_every_response_is_a_cds_response_or_an_operation_outcome(
    client: FlaskClient, values: dict[str, Any]
) -> None:
    """The law of the whole service, through HTTP; never a 500."""
    required = {"patient": {"resourceType": "Patient", "id": "p1"}, "conditions": EMPTY}
    body = {
        "hook": "patient-view",
        "hookInstance": "i",
        "context": {"patientId": "p1"},
        "prefetch": {**required, **values},
    }
    response = client.post(SERVICE, json=body)
    assert response.status_code in {200, 400, 412, 422}
    if response.status_code == 200:
        assert isinstance(response.json["cards"], list)
        assert response.json["extension"]["org.relapsed-all.decision"]["plan"]
    else:
        assert outcome_of(response)["diagnostics"]
