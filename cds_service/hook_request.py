"""One CDS Hooks call, read once from bytes (CDS Hooks 2.0, "HTTP request").

The decode declares the few fields we need; whatever else is sent is skipped, not built. Each
prefetch value stays a slice of the body (``msgspec.Raw``) until the mappings decode it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cds_service.body_errors import BodyNotAnObject, BodyNotJson, TooManyEntries
from cds_service.errors import FieldEmpty, FieldMissing, FieldMistyped, WrongHook
from cds_service.fhir_server.access import access_token
from cds_service.repeated_members import refuse_repeated_members
from cds_service.unsafe_text import refuse_unsafe_text

MOST_KEYS = 100
"""Prefetch keys of one call."""

_FHIR_ID = re.compile(r"[A-Za-z0-9\-._]{1,64}")
"""A FHIR id; the underscore, which FHIR does not allow, is tolerated because servers use it."""

_FIELD_OF_MESSAGE = re.compile(r"at `\$\.?([^`]*)`$")
_EXPECTED = {
    "hook": "a string",
    "hookInstance": "a string",
    "fhirServer": "a URL",
    "fhirAuthorization": "an object",
    "context": "an object",
    "context.patientId": "a string: the id of a FHIR Patient",
    "prefetch": "an object",
}


class _Context(msgspec.Struct):
    patient_id: str | msgspec.UnsetType = msgspec.field(name="patientId", default=msgspec.UNSET)
    user_id: Any = msgspec.field(name="userId", default="")


class _Body(msgspec.Struct):
    hook: str | msgspec.UnsetType = msgspec.UNSET
    hook_instance: str | msgspec.UnsetType = msgspec.field(
        name="hookInstance", default=msgspec.UNSET
    )
    fhir_server: str | msgspec.UnsetType | None = msgspec.field(
        name="fhirServer", default=msgspec.UNSET
    )
    fhir_authorization: dict[str, msgspec.Raw] | msgspec.UnsetType | None = msgspec.field(
        name="fhirAuthorization", default=msgspec.UNSET
    )
    context: _Context | msgspec.UnsetType = msgspec.UNSET
    prefetch: dict[str, msgspec.Raw] | msgspec.UnsetType | None = msgspec.UNSET


_DECODER = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What one call says: which hook, which patient, and the prefetch, each key still raw JSON.

    ``patient_id`` is a bare FHIR id (``Patient/123`` is read as ``123``). ``prefetch`` is empty
    when the client sent none. ``user_id`` is what the client wrote, empty when it is no text. The
    access token is empty where none was sent or ``access_fault`` says why it cannot be used.
    """

    hook: str
    hook_instance: str
    patient_id: str
    prefetch: Mapping[str, msgspec.Raw]
    user_id: str = ""
    fhir_server: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_fault: str = ""

    @classmethod
    def parse(cls, body: bytes, hook: str = "patient-view") -> HookRequest:
        """Read ``body``; raises a MalformedRequest or TooLarge that names the field.

        Source: cds-hooks_2.0 "HTTP Request"; unknown fields and ``extension`` are tolerated.
        """
        refuse_unsafe_text(body)
        fields = _decoded(body)
        prefetch = fields.prefetch or {}
        if len(prefetch) > MOST_KEYS:
            raise TooManyEntries("prefetch", MOST_KEYS)
        refuse_repeated_members(body, prefetch.values())
        called = _text(fields.hook, "hook")
        if called != hook:
            raise WrongHook(hook)
        instance = _text(fields.hook_instance, "hookInstance")
        if fields.context is msgspec.UNSET:
            raise FieldMissing("context")
        patient = _patient_id(_text(fields.context.patient_id, "context.patientId"))
        # cds-r-1: a token without the server it opens is of no use and a sign of a wrong call.
        if fields.fhir_authorization and not fields.fhir_server:
            raise FieldMissing("fhirServer", "is required when fhirAuthorization is sent")
        user = fields.context.user_id
        user = user.strip() if isinstance(user, str) else ""
        server = fields.fhir_server if isinstance(fields.fhir_server, str) else ""
        token, fault = access_token(fields.fhir_authorization or None, patient)
        return cls(called, instance, patient, prefetch, user, server, token, fault)


def _decoded(body: bytes) -> _Body:
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        match = _FIELD_OF_MESSAGE.search(str(error))
        if match is None:
            raise BodyNotAnObject from None
        field = match.group(1)
        raise FieldMistyped(field, _EXPECTED.get(field, "of another type")) from None
    except RecursionError:
        raise BodyNotJson("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BodyNotJson("The body must be JSON.") from None


def _text(value: str | msgspec.UnsetType, field: str) -> str:
    if value is msgspec.UNSET:
        raise FieldMissing(field)
    text = value.strip()
    if not text:
        raise FieldEmpty(field)
    return text


def _patient_id(text: str) -> str:
    """The bare id of ``123``, ``Patient/123`` or ``https://ehr.example.org/r4/Patient/123``."""
    head, slash, last = text.rpartition("/")
    if slash and head != "Patient" and not head.endswith("/Patient"):
        raise FieldMistyped("context.patientId", _EXPECTED["context.patientId"])
    if not _FHIR_ID.fullmatch(last):
        raise FieldMistyped("context.patientId", _EXPECTED["context.patientId"])
    return last
