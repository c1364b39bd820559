"""A hook request is read once, and every error names its field."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.body_errors import (
    BodyNotAnObject,
    BodyNotJson,
    BodyTooLarge,
    TooManyEntries,
    UnsafeText,
)
from cds_service.errors import (
    FieldEmpty,
    FieldMissing,
    FieldMistyped,
    FieldRepeated,
    MalformedRequest,
    WrongHook,
)
from cds_service.hook_request import MOST_KEYS, HookRequest

RIGHT: dict[str, Any] = {
    "hook": "patient-view",
    "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    "context": {"patientId": "1288992"},
}


def parsed(**changes: Any) -> HookRequest:
    """The request RIGHT with some fields changed; a field set to ... is left out."""
    body = {key: value for key, value in {**RIGHT, **changes}.items() if value is not ...}
    return HookRequest.parse(json.dumps(body).encode())


def test_a_request_without_prefetch_is_read() -> None:
    """The prefetch field is optional and may be absent altogether."""
    hook = parsed()
    assert hook.patient_id == "1288992"
    assert hook.prefetch == {}


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("123", "123"),
        ("Patient/123", "123"),
        ("https://ehr.example.org/r4/Patient/eq081-VQEgP8", "eq081-VQEgP8"),
        (" 123 ", "123"),
    ],
)
def test_a_patient_id_with_its_type_is_read_as_the_id(sent: str, read: str) -> None:
    """Clients send ``Patient/123`` although the field holds a bare id; both mean the same."""
    assert parsed(context={"patientId": sent}).patient_id == read


@pytest.mark.parametrize("sent", ["Practitioner/123", "a b", "1" * 65, "../etc", "Patient/", "ä"])
def test_a_patient_id_that_is_no_fhir_id_is_refused(sent: str) -> None:
    """What cannot be an id of FHIR is named, not repeated."""
    with pytest.raises(FieldMistyped) as refusal:
        parsed(context={"patientId": sent})
    assert refusal.value.fields == ("context.patientId",)
    assert sent not in refusal.value.diagnostics


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"hook": ...}, FieldMissing, "hook"),
        ({"hook": ""}, FieldEmpty, "hook"),
        ({"hook": 3}, FieldMistyped, "hook"),
        ({"hook": None}, FieldMistyped, "hook"),
        ({"hook": "order-sign"}, WrongHook, "hook"),
        ({"hookInstance": ...}, FieldMissing, "hookInstance"),
        ({"hookInstance": " "}, FieldEmpty, "hookInstance"),
        ({"hookInstance": ["x"]}, FieldMistyped, "hookInstance"),
        ({"context": ...}, FieldMissing, "context"),
        ({"context": []}, FieldMistyped, "context"),
        ({"context": None}, FieldMistyped, "context"),
        ({"context": {}}, FieldMissing, "context.patientId"),
        ({"context": {"patientId": ""}}, FieldEmpty, "context.patientId"),
        ({"context": {"patientId": 7}}, FieldMistyped, "context.patientId"),
        ({"prefetch": []}, FieldMistyped, "prefetch"),
        ({"prefetch": "x"}, FieldMistyped, "prefetch"),
        ({"fhirServer": 5}, FieldMistyped, "fhirServer"),
        ({"fhirAuthorization": "token"}, FieldMistyped, "fhirAuthorization"),
        ({"fhirAuthorization": {"access_token": "x"}}, FieldMissing, "fhirServer"),
    ],
)
def test_each_wrong_field_is_an_error_of_its_own_that_names_it(
    changes: dict[str, Any], error: type[MalformedRequest], field: str
) -> None:
    """The client's developer reads which field is wrong (cds-hooks_2.0 "HTTP Request")."""
    with pytest.raises(MalformedRequest) as refusal:
        parsed(**changes)
    assert type(refusal.value) is error
    assert refusal.value.fields == (field,)
    assert refusal.value.outcome()["issue"][0]["expression"] == [field]


def test_unknown_fields_and_extensions_are_tolerated() -> None:
    """Hook versions add fields, and Epic always sends ``extension`` (cds-hooks_2.0@214)."""
    hook = parsed(
        extension={"com.epic.cdshooks.request.fhir-version": "R4"},
        unheardOf=[{"a": None}],
        context={"patientId": "1", "userId": "PractitionerRole/x", "encounterId": "9"},
        prefetch={"-user": {"resourceType": "Practitioner"}},
        fhirAuthorization={"access_token": "x"},
        fhirServer="https://ehr.example.org/r4",
    )
    assert hook.patient_id == "1"


def test_null_prefetch_and_null_authorization_count_as_absent() -> None:
    """A null where an object may be left out says the same as leaving it out."""
    assert parsed(prefetch=None, fhirAuthorization=None, fhirServer=None).prefetch == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"hook":NaN}',
        b'{"prefetch":{"a":Infinity}}',
        b'{"prefetch":{"a":01}}',
        b"\xef\xbb\xbf{}",
        '{"hook":"patient-view"}'.encode("utf-16"),
        b'{"prefetch":{"a":"\xff"}}',
        b'{"prefetch":{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        b'{"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        b"not json",
    ],
)
def test_what_is_not_json_in_utf8_is_refused(body: bytes) -> None:
    """Deep nesting, NaN, other encodings and broken JSON are errors of the request."""
    with pytest.raises(BodyNotJson):
        HookRequest.parse(body)


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'"text"'])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    """The body of a call is an object."""
    with pytest.raises(BodyNotAnObject):
        HookRequest.parse(body)


@pytest.mark.parametrize(
    "text", [r"\u0000", r"\\\u0000", r"\ud800", r"\udc00\ud800", r"a\uD83Dz", r"\ud83d\ud83d\ude00"]
)
def test_nul_and_half_surrogates_are_refused_wherever_they_stand(text: str) -> None:
    """Text that cannot be stored or shown never enters, also not inside a resource."""
    body = f'{{"prefetch":{{"patient":{{"name":"{text}"}}}}}}'.encode()
    with pytest.raises((UnsafeText, BodyNotJson)):
        HookRequest.parse(body)


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\u0000", r"\\ud800", r"\u00e4", "😀"])
def test_whole_surrogate_pairs_and_escaped_backslashes_are_fine(text: str) -> None:
    """An emoji may be written as a pair; an escaped backslash before u0000 escapes nothing."""
    body = json.dumps(RIGHT)[:-1] + f',"x":"{text}"}}'
    assert HookRequest.parse(body.encode()).patient_id == "1288992"


def spelled(*members: str) -> bytes:
    """The request RIGHT written out, with members after its own."""
    right = [f"{json.dumps(name)}:{json.dumps(value)}" for name, value in RIGHT.items()]
    return ("{" + ",".join([*right, *members]) + "}").encode()


LONG = json.dumps({"resourceType": "Bundle", "id": "x" * 200, "x": {"context": 1, "hook": 2}})


@pytest.mark.parametrize(
    ("members", "field"),
    [
        (['"hook":"patient-view"'], "hook"),
        (['"hook":"order-sign"'], "hook"),
        ([r'"ho\u006fk":"patient-view"'], "hook"),
        (['"hookInstance":"b"'], "hookInstance"),
        (['"context":{"patientId":"2"}'], "context"),
        (['"fhirServer":"https://a.example"', '"fhirServer":"https://b.example"'], "fhirServer"),
        (['"prefetch":{}', '"prefetch":{}'], "prefetch"),
        ([f'"prefetch":{{"a":{LONG}}}', f'"prefetch":{{"a":{LONG}}}'], "prefetch"),
        ([f'"prefetch":{{"patient":{LONG},"patient":{LONG}}}'], "prefetch"),
        (['"prefetch":{"patient":null,"patient":{}}'], "prefetch"),
        (
            [
                '"fhirServer":"https://a.example"',
                '"fhirAuthorization":{"access_token":"a","token_type":"Bearer","access_token":"b"}',
            ],
            "fhirAuthorization.access_token",
        ),
        (
            ['"fhirAuthorization":null', '"fhirAuthorization":{"access_token":"a"}'],
            "fhirAuthorization",
        ),
    ],
)
def test_a_member_of_the_hook_that_stands_twice_is_refused_and_named(
    members: list[str], field: str
) -> None:
    """Which of the two counts is open, and a proxy may have read the other one."""
    with pytest.raises(FieldRepeated) as refusal:
        HookRequest.parse(spelled(*members))
    assert refusal.value.fields == (field,)


def test_a_patient_id_that_stands_twice_is_refused_and_named() -> None:
    """Whose record it is must not be open."""
    body = b'{"hook":"patient-view","hookInstance":"i","context":{"patientId":"1","patientId":"2"}}'
    with pytest.raises(FieldRepeated) as refusal:
        HookRequest.parse(body)
    assert refusal.value.fields == ("context.patientId",)


@pytest.mark.parametrize(
    "members",
    [
        [f'"prefetch":{{"a":{LONG},"b":{LONG}}}'],
        ['"prefetch":{"a":{"id":"1","id":"2"}}'],
        [f'"prefetch":{{"a":{{"id":"{"x" * 99}","id":"2"}}}}'],
        ['"unheardOf":1', '"unheardOf":2'],
        ['"extension":{"a":1,"a":2}'],
        ['"x":{"hook":1,"context":2}'],
        ['"x":[0,0.0,-1e400,' + "9" * 5_000 + "]"],
    ],
)
def test_what_stands_twice_elsewhere_is_tolerated(members: list[str]) -> None:
    """Within a resource the last one is read; what is unknown is passed over anyway."""
    assert HookRequest.parse(spelled(*members)).patient_id == "1288992"


def test_more_outside_the_prefetch_than_a_hook_can_need_is_refused() -> None:
    """It is looked at member by member, which takes its time."""
    assert HookRequest.parse(spelled(f'"x":"{"y" * 900_000}"'))
    with pytest.raises(BodyTooLarge, match="without its prefetch"):
        HookRequest.parse(spelled(f'"x":"{"y" * 1_000_000}"'))
    prefetch = f'"prefetch":{{"a":{{"x":"{"y" * 2_000_000}"}}}}'
    assert len(HookRequest.parse(spelled(prefetch)).prefetch) == 1


def test_more_prefetch_keys_than_anybody_sends_are_refused() -> None:
    """Discovery asks for eight at most."""
    assert HookRequest.parse(spelled(keys(MOST_KEYS)))
    with pytest.raises(TooManyEntries) as refusal:
        HookRequest.parse(spelled(keys(MOST_KEYS + 1)))
    assert refusal.value.fields == ("prefetch",)


def keys(count: int) -> str:
    """A prefetch of so many keys."""
    return '"prefetch":{' + ",".join(f'"k{number}":null' for number in range(count)) + "}"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["hook", "context", "patientId", "prefetch", "fhirServer", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_a_request_or_a_malformed_request(value: Any) -> None:
    """Nothing else than a MalformedRequest ever leaves the parser."""
    # Any other exception fails the test.
    with suppress(MalformedRequest):
        HookRequest.parse(json.dumps(value).encode())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_malformed_request(body: bytes) -> None:
    """Random bytes are never a hook request, and never a crash."""
    with pytest.raises(MalformedRequest):
        HookRequest.parse(body)
