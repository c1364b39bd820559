"""The prefetch of one call: what each key holds, what is missing, and whether it is enough.

What may arrive under a key, and what it means (cds-hooks_2.0@52, @54 and "Prefetch"):

    absent                        not satisfied: required 412, optional DATA_INCOMPLETE
    null                          the client has no data: empty, and complete
    resource or searchset Bundle  data (a Bundle may be empty)
    Bundle with more to come      data, and DATA_INCOMPLETE
    OperationOutcome              the client's query failed: as absent
    nothing that can be read      as absent
    no object (a number, a list)  400
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cds_service.errors import FieldMistyped, OtherPatient, RequiredDataMissing
from cds_service.hook_request import HookRequest
from fhir_mappings.queries import prefetch_templates
from fhir_mappings.resources import PrefetchKind, Resources
from relapse_model.facts import Remark

PATIENT = "patient"
REQUIRED = (PATIENT, "conditions")
"""Without these nothing can be said; every other key only makes the answer better."""

_INCOMPLETE = "DATA_INCOMPLETE"
_LOST = {
    PrefetchKind.FAILED: "the client's query for {key} failed.",
    PrefetchKind.UNREADABLE: "nothing of {key} could be read.",
}


@dataclass(frozen=True, slots=True)
class Prefetch:
    """The resources that arrived, and a remark for each part of the data that did not."""

    resources: Resources
    remarks: tuple[Remark, ...]


def prefetched(hook: HookRequest) -> Prefetch:
    """Read every key that discovery asks for, each entry once.

    Raises RequiredDataMissing (412) naming all required keys whose data did not arrive,
    OtherPatient (422), FieldMistyped (400) for a value that is no object.
    """
    resources = Resources()
    losses: dict[str, str] = {}
    truncated: list[str] = []
    for key in prefetch_templates():
        raw = hook.prefetch.get(key)
        if raw is None:
            losses[key] = f"{key} were not sent."
            continue
        state = resources.add(_object_or_null(key, raw), key)
        if state.kind in _LOST:
            losses[key] = _LOST[state.kind].format(key=key)
        if state.truncated:
            truncated.append(key)
        if key == PATIENT:
            _refuse_other_patient(hook, resources)
    if missing := [key for key in REQUIRED if key in losses]:
        raise RequiredDataMissing(missing)
    remarks = [Remark(_INCOMPLETE, f"Not available: {text}") for text in losses.values()]
    remarks += [Remark(_INCOMPLETE, f"Only the first page of {key} was sent.") for key in truncated]
    return Prefetch(resources, tuple(remarks))


def _object_or_null(key: str, raw: msgspec.Raw) -> bytes:
    value = bytes(raw).strip()
    if value != b"null" and not value.startswith(b"{"):
        raise FieldMistyped(f"prefetch.{key}", "a FHIR resource or null")
    return value


def _refuse_other_patient(hook: HookRequest, resources: Resources) -> None:
    sent = resources.patient_ids
    if sent and hook.patient_id not in sent:
        raise OtherPatient(PATIENT)
