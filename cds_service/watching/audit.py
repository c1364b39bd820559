"""One FHIR R4 AuditEvent for each call about a patient, appended to a file as NDJSON.

Off unless CDS_AUDIT_FILE names the file. The pattern is PatientQuery of IHE BALP (Basic Audit Log
Patterns) 1.1: who asked (client, user), whom (this service), about which patient, with what
outcome. Unlike every log this file names the patient and the user: that is what it is for.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec
from flask import Flask, Response, g, request

from cds_service import decision_log
from cds_service.errors import SettingError
from cds_service.health import DISTRIBUTION, software_version
from cds_service.hook_request import HookRequest
from cds_service.trust.clients import Caller
from cds_service.trust.guard import current_caller, is_guarded

SETTING: Final = "CDS_AUDIT_FILE"
PROFILE: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"
_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_TERMS: Final = "http://terminology.hl7.org/CodeSystem/"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
_REQUEST_ID: Final = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]{1,40}/[A-Za-z0-9\-.]{1,64}")
_LONGEST: Final = 200
_OWNER_ONLY: Final = 0o600
_SUCCESS, _MINOR, _SERIOUS = "0", "4", "8"
_BAD_REQUEST, _OUR_FAULT = 400, 500


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedCall:
    """What is recorded of one call: from which network ``address``, and what was ``asked``.

    ``hook`` is None where the call could not be read.
    """

    caller: Caller
    hook: HookRequest | None
    address: str
    asked: str
    status: int
    decision: str = ""


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """The file, and what is the same in every record."""

    path: Path
    public_url: str

    def append(self, call: AuditedCall) -> None:
        """Append one record; where that fails it is logged, and the call is answered all the same.

        The file is opened anew each time, so that it may be moved away; one write is one line,
        also of several processes.
        """
        line = msgspec.json.encode(self.event(call)) + b"\n"
        try:
            _append(self.path, line)
        except OSError as error:
            decision_log.record_audit_failure(error)

    def event(self, call: AuditedCall) -> dict[str, Any]:
        """The AuditEvent of one call."""
        entities = [_query(call), *_patient(call), *_instance(call)]
        return {
            "resourceType": "AuditEvent",
            "id": str(uuid4()),
            **({"meta": {"profile": [PROFILE]}} if call.status < _BAD_REQUEST else {}),
            "type": _coding(f"{_TERMS}audit-event-type", "rest", "RESTful Operation"),
            "subtype": [
                _coding(_INTERACTION, "search", "search"),
                _coding(_INTERACTION, "operation", "operation"),
            ],
            "action": "E",
            "recorded": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "outcome": _outcome(call.status),
            "outcomeDesc": f"HTTP {call.status}",
            "agent": [_client(call), self._server(), *_user(call)],
            "source": {
                "site": self.public_url,
                "observer": {"display": f"{DISTRIBUTION} {software_version()}"},
                "type": [_coding(f"{_TERMS}security-source-type", "4", "Application Server")],
            },
            "entity": entities,
        }

    def _server(self) -> dict[str, Any]:
        return {
            "type": _concept(_DCM, "110152", "Destination Role ID"),
            "who": {"display": DISTRIBUTION},
            "requestor": False,
            "network": {"address": self.public_url, "type": "5"},
        }


def audit_trail(path: str, public_url: str) -> AuditTrail | None:
    """The trail in the file at ``path``, tried once; None for no path. Raises SettingError."""
    if not path:
        return None
    try:
        _append(Path(path), b"")
    except OSError:
        raise SettingError(SETTING, "must name a file that can be written") from None
    return AuditTrail(Path(path), public_url)


def audit(app: Flask, trail: AuditTrail) -> None:
    """Record in ``trail`` every call that was let in to the service or its feedback.

    Those that cannot be answered too, and the clinician's page once it knows the patient. Calls
    without a good token stand in the log alone: or anybody could fill the disk of the trail.
    """

    @app.after_request
    def _record(response: Response) -> Response:
        let_in = "caller" in g and request.method == "POST" and is_guarded(request.path)
        if let_in or "hook" in g:
            trail.append(
                AuditedCall(
                    caller=current_caller(),
                    hook=g.get("hook"),
                    address=request.remote_addr or "",
                    asked=f"{request.method} {request.path[:_LONGEST]}",
                    status=response.status_code,
                    decision=g.get("decision", ""),
                )
            )
        return response


def _append(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
    try:
        os.write(file, line)
    finally:
        os.close(file)


def _outcome(status: int) -> str:
    if status < _BAD_REQUEST:
        return _SUCCESS
    return _MINOR if status < _OUR_FAULT else _SERIOUS


def _client(call: AuditedCall) -> dict[str, Any]:
    who: Mapping[str, Any] = {"display": "not verified"}
    if call.caller.client is not None:
        who = {"identifier": {"value": call.caller.iss}, "display": call.caller.iss}
    return {
        "type": _concept(_DCM, "110153", "Source Role ID"),
        "who": who,
        **({"altId": call.caller.tenant} if call.caller.tenant else {}),
        "requestor": False,
        **({"network": {"address": call.address, "type": "2"}} if call.address else {}),
    }


def _user(call: AuditedCall) -> list[dict[str, Any]]:
    user = call.hook.user_id[:_LONGEST].strip() if call.hook else ""
    if not user:
        return []
    is_reference = _REFERENCE.fullmatch(user)
    return [
        {
            "type": _concept(f"{_TERMS}v3-ParticipationType", "IRCP", "information recipient"),
            "who": {"reference": user} if is_reference else {"identifier": {"value": user}},
            "requestor": True,
        }
    ]


def _query(call: AuditedCall) -> dict[str, Any]:
    """The address that was called; never the body, which holds the record of the patient."""
    detail = [{"type": "decision", "valueString": call.decision}] if call.decision else []
    return {
        "type": _coding(f"{_TERMS}audit-entity-type", "2", "System Object"),
        "role": _coding(f"{_TERMS}object-role", "24", "Query"),
        "query": base64.b64encode(call.asked.encode("utf-8", "replace")).decode(),
        **({"detail": detail} if detail else {}),
    }


def _patient(call: AuditedCall) -> list[dict[str, Any]]:
    if call.hook is None:
        return []
    return [
        {
            "what": {"reference": f"Patient/{call.hook.patient_id}"},
            "type": _coding(f"{_TERMS}audit-entity-type", "1", "Person"),
            "role": _coding(f"{_TERMS}object-role", "1", "Patient"),
        }
    ]


def _instance(call: AuditedCall) -> list[dict[str, Any]]:
    """The instance of the hook, as the id of the request: with it the client finds its own log."""
    if call.hook is None:
        return []
    return [
        {
            "what": {"identifier": {"value": call.hook.hook_instance[:_LONGEST]}},
            "type": _coding(_REQUEST_ID, "XrequestId", "X-Request-Id"),
        }
    ]


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code, display)]}
