"""A record that somebody has as a file, as the request that an EHR would send about it.

A FHIR Bundle of one patient (collection, searchset, transaction or document) becomes a patient-view
request with its entries under the keys of our prefetch; a whole hook request is taken as it is. So
both are answered by the one path that answers the hook.
"""

from __future__ import annotations

import re
from typing import Final
from uuid import uuid4

import msgspec

from cds_service.body_errors import BodyNotAnObject, BodyNotJson
from cds_service.discovery import HOOK
from cds_service.errors import FieldMissing, FieldMistyped
from cds_service.hook_request import HookRequest
from fhir_mappings.queries import queries
from fhir_mappings.resources import Resources, Unreadable

_KEYS: Final = {
    "Patient": "patient",
    "Condition": "conditions",
    "Observation": "observations",
    "Procedure": "procedures",
    "MedicationRequest": "medications",
}
_OTHERS: Final = "observations"
"""Where resources go that no search of ours asks for, such as the Specimens of results."""

_EXPECTED: Final = "a FHIR Bundle, or a CDS Hooks request"
_PLACE: Final = re.compile(r"at `\$\.?([^`]*)`$")


class _Document(msgspec.Struct):
    resource_type: str | msgspec.UnsetType = msgspec.field(
        name="resourceType", default=msgspec.UNSET
    )
    hook: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    prefetch: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    entry: list[msgspec.Raw] = []
    link: list[_Link] = []


class _Link(msgspec.Struct):
    relation: str = ""


class _Entry(msgspec.Struct):
    resource: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _Head(msgspec.Struct):
    resource_type: str = msgspec.field(name="resourceType")
    id: str | msgspec.UnsetType = msgspec.UNSET


def hook_request_about(document: bytes) -> bytes:
    """The hook request that ``document`` is, or that an EHR would send about its patient.

    Raises a MalformedRequest that names the field; of a hook request, whoever reads it does.
    """
    told = _decoded(document)
    if any(item is not msgspec.UNSET for item in (told.hook, told.context, told.prefetch)):
        return document
    if told.resource_type is msgspec.UNSET:
        raise FieldMissing("resourceType", f"is required: the file must be {_EXPECTED}")
    if told.resource_type != "Bundle":
        raise FieldMistyped("resourceType", f"Bundle: the file must be {_EXPECTED}")
    patient_id, by_key = _by_key(told.entry)
    following = any(link.relation == "next" for link in told.link)
    return msgspec.json.encode(_request(patient_id, by_key, following=following))


def unread_in(request: bytes) -> list[Unreadable]:
    """The resources of a hook request that cannot be read, each with its fault; no values.

    For a person who mends the file: the answer itself names them where it can be given.
    """
    prefetch = HookRequest.parse(request).prefetch
    resources = Resources()
    for key, value in prefetch.items():
        resources.add(value, key)
    return resources.unreadable


def _decoded(document: bytes) -> _Document:
    try:
        return msgspec.json.decode(document, type=_Document)
    except msgspec.ValidationError as error:
        match = _PLACE.search(str(error))
        if match is None:
            raise BodyNotAnObject from None
        raise FieldMistyped(match[1], "what FHIR R4 says it is") from None
    except RecursionError:
        raise BodyNotJson("The file is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyNotJson(f"The file must be JSON in UTF-8{_where(error)}.") from None


def _where(error: Exception) -> str:
    """``: it breaks at byte 123``, where the reader says so."""
    match = re.search(r"\(byte (\d+)\)", str(error))
    return f": it breaks at byte {match[1]}" if match else ""


def _by_key(entries: list[msgspec.Raw]) -> tuple[str, dict[str, list[msgspec.Raw]]]:
    """The id of the patient, and every entry under the prefetch key that asks for its type."""
    by_key: dict[str, list[msgspec.Raw]] = {}
    patients: dict[str, msgspec.Raw] = {}
    for place, raw in enumerate(entries):
        where = f"entry[{place}]"
        resource, head = _resource(raw, where)
        if head.resource_type != "Patient":
            by_key.setdefault(_KEYS.get(head.resource_type, _OTHERS), []).append(raw)
            continue
        if not head.id:
            raise FieldMissing(f"{where}.resource.id")
        patients[head.id] = resource
    if len(patients) != 1:
        raise FieldMistyped("entry", f"of one Patient; there are {len(patients)}")
    ((patient_id, patient),) = patients.items()
    return patient_id, {**by_key, "patient": [patient]}


def _resource(raw: msgspec.Raw, where: str) -> tuple[msgspec.Raw, _Head]:
    try:
        entry = msgspec.json.decode(raw, type=_Entry)
    except msgspec.MsgspecError:
        raise FieldMistyped(where, "an object with a resource") from None
    if entry.resource is msgspec.UNSET:
        raise FieldMissing(f"{where}.resource")
    try:
        return entry.resource, msgspec.json.decode(entry.resource, type=_Head)
    except msgspec.MsgspecError:
        raise FieldMistyped(f"{where}.resource", "a FHIR resource with its resourceType") from None


def _request(
    patient_id: str, by_key: dict[str, list[msgspec.Raw]], *, following: bool
) -> dict[str, object]:
    """``following``: the Bundle was a first page; then no part of it is taken for complete."""
    rest = {"link": [{"relation": "next", "url": "urn:not-given"}]} if following else {}
    prefetch: dict[str, object] = {}
    for query in queries():
        entries = by_key.get(query.key, [])
        bundle = {"resourceType": "Bundle", "type": "searchset", **rest, "entry": entries}
        prefetch[query.key] = entries[0] if query.key == "patient" else bundle
    return {
        "hook": HOOK,
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/reader", "patientId": patient_id},
        "prefetch": prefetch,
    }
