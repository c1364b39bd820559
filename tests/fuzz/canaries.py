"""What must never be seen again: a name, a record number, a token; put into every request."""

from __future__ import annotations

from typing import Any

NAME = "Canarius Nomenfalsum"
RECORD_NUMBER = "CANARY-MRN-7731"
PATIENT_ID = "CanaryPid0451"
TOKEN = "Canary.Access-Token_9"  # noqa: S105 - invented
JWT = "eyJhbGciOiJFUzM4NCJ9.Q2FuYXJ5Snd0.c2lnbmF0dXJl"
USER = "Practitioner/CanaryUser77"
SERVER = "https://canary-ehr.example.org/fhir"

NEVER_LOGGED = tuple(
    text.encode().lower()
    for text in (NAME, RECORD_NUMBER, PATIENT_ID, TOKEN, JWT, USER, "canary-ehr")
)
NEVER_ANSWERED = tuple(text for text in NEVER_LOGGED if text != PATIENT_ID.encode().lower())
"""In a refusal. Drafts of orders name the patient by id, and nothing else does."""
NEVER_ON_A_CARD = tuple(text for text in NEVER_ANSWERED if text != b"canary-ehr")
"""An entry without id is cited by its fullUrl, which names the server."""


def marked(prefetch: dict[str, Any]) -> dict[str, Any]:
    """The prefetch with a patient who can be recognised."""
    prefetch["patient"] |= {
        "name": [{"family": NAME, "text": NAME}],
        "identifier": [{"system": "urn:mrn", "value": RECORD_NUMBER}],
    }
    return prefetch
