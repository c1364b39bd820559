"""The FHIR resources that this service drafts: skeletons validated once, filled for each child.

fhir.resources R4B validates them, with an invented patient, and ``filled`` only puts in what cannot
make one invalid: references that FHIR allows, ids and dates of our own. Its import takes longer
than the rest of a start, and a fifth of the memory of a worker. So the skeletons that ship were
validated when they were written (``validated_drafts.txt``, by ``make docs``); one that has changed
since is validated at start.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any, Final

from fhir_mappings.r4b import built

Resource = dict[str, Any]

_SOMEBODY: Final = "Patient/somebody"
_REFERENCE: Final = re.compile(
    r"(?:https?://[A-Za-z0-9\-./:_]{1,400}/)?[A-Z][A-Za-z]{1,40}/[A-Za-z0-9\-.]{1,64}"
)
VALIDATED: Final = frozenset(
    files("fhir_mappings").joinpath("validated_drafts.txt").read_text("utf-8").split()
)
"""``digest`` of each skeleton that was validated."""
_CONDITION: Final = re.compile(r"(?:.*/)?Condition/[^/]+")


def coding(row: Mapping[str, str]) -> dict[str, str]:
    """A Coding of ``system``, ``code`` and ``display``."""
    return {name: row[name] for name in ("system", "code", "display")}


def concept(text: str, codings: Iterable[Mapping[str, str]] = ()) -> dict[str, Any]:
    """A CodeableConcept that always has its text, and codes where one was verified."""
    listed = [coding(row) for row in codings]
    return {**({"coding": listed} if listed else {}), "text": text}


def service_request(
    code: Mapping[str, Any],
    note: str,
    *,
    specimen: Mapping[str, Any] | None = None,
    body_site: Mapping[str, Any] | None = None,
) -> Resource:
    """The skeleton of a draft ServiceRequest that proposes; raises ValueError where not valid.

    ``specimen``: CodeableConcept of the specimen, which travels as a contained Specimen.
    """
    content: Resource = {"resourceType": "ServiceRequest", "id": "draft"}
    if specimen:
        content["contained"] = [
            {
                "resourceType": "Specimen",
                "id": "specimen",
                "type": dict(specimen),
                "subject": {"reference": _SOMEBODY},
            }
        ]
    content |= {
        "status": "draft",
        "intent": "proposal",
        "code": dict(code),
        "subject": {"reference": _SOMEBODY},
    }
    if specimen:
        content["specimen"] = [{"reference": "#specimen"}]
    if body_site:
        content["bodySite"] = [dict(body_site)]
    content["note"] = [{"text": note}]
    return _sound(content)


def risk_assessment(code: Mapping[str, Any], method: Mapping[str, Any], note: str) -> Resource:
    """The skeleton of a preliminary RiskAssessment; raises ValueError where it is not valid."""
    return _sound(
        {
            "resourceType": "RiskAssessment",
            "id": "draft",
            "status": "preliminary",
            "method": dict(method),
            "code": dict(code),
            "subject": {"reference": _SOMEBODY},
            "note": [{"text": note}],
        }
    )


def care_plan(title: str, description: str, activities: Iterable[str], note: str) -> Resource:
    """The skeleton of a draft CarePlan that proposes; raises ValueError where it is not valid."""
    return _sound(
        {
            "resourceType": "CarePlan",
            "id": "draft",
            "status": "draft",
            "intent": "proposal",
            "title": title,
            "description": description,
            "subject": {"reference": _SOMEBODY},
            "activity": [
                {
                    "detail": {
                        "status": "not-started",
                        "doNotPerform": False,
                        "description": activity,
                    }
                }
                for activity in activities
            ],
            "note": [{"text": note}],
        }
    )


def digest(skeleton: Resource) -> str:
    """SHA-256 of a skeleton, with its members in the order of FHIR."""
    return hashlib.sha256(json.dumps(skeleton).encode()).hexdigest()


def validated(skeletons: Iterable[Resource]) -> str:
    """The lines of ``validated_drafts.txt``; raises ValueError for a skeleton that is not valid."""
    found = {digest(built(dict(skeleton))) for skeleton in skeletons}
    return "".join(f"{line}\n" for line in sorted(found))


def _sound(skeleton: Resource) -> Resource:
    return skeleton if digest(skeleton) in VALIDATED else built(skeleton)


def filled(
    skeleton: Resource, resource_id: str, patient_id: str, elements: Mapping[str, Any]
) -> Resource:
    """``skeleton`` about one patient, sharing with it what stays the same.

    ``patient_id``: a FHIR id. ``elements``: more elements, made by this package; one without a
    value is left out.
    """
    subject = {"reference": f"Patient/{patient_id}"}
    resource = {**skeleton, "id": resource_id, "subject": subject}
    if "contained" in skeleton:
        resource["contained"] = [{**part, "subject": subject} for part in skeleton["contained"]]
    resource.update({name: value for name, value in elements.items() if value})
    return resource


def references(evidence: Iterable[str]) -> list[dict[str, str]]:
    """References to the resources read; whatever is not a FHIR reference is left out."""
    known = dict.fromkeys(text for text in evidence if _REFERENCE.fullmatch(text))
    return [{"reference": text} for text in known]


def condition_references(evidence: Iterable[str]) -> list[dict[str, str]]:
    """References to the Conditions among the resources read."""
    return references(text for text in evidence if _CONDITION.fullmatch(text))


def period(first: str, last: str) -> dict[str, str]:
    """A Period of two dates, ``YYYY-MM-DD``."""
    return {"start": first, "end": last}
