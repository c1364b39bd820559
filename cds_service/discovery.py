"""``GET /cds-services``: what this service is and which data it asks for, built once at start."""

from __future__ import annotations

from typing import Any

from fhir_mappings.queries import prefetch_templates

SERVICE_ID = "relapsed-all-stratification"
HOOK = "patient-view"


def discovery() -> dict[str, Any]:
    """The discovery document (cds-hooks_2.0@6 to @12)."""
    return {
        "services": [
            {
                "hook": HOOK,
                "id": SERVICE_ID,
                "title": "Relapsed childhood ALL: stratification and plan",
                "description": (
                    "For a child with a first relapse of acute lymphoblastic leukaemia: time and "
                    "site of relapse, S-group, risk and the options described by one centre group "
                    "(Locatelli et al., Blood 2012), with the facts they rest on, and what is "
                    "missing where the record does not decide."
                ),
                "usageRequirements": (
                    "FHIR R4 (4.0.1). Prefetch patient and conditions are required (412 without "
                    "them); observations and procedures are optional, and what is missing is named "
                    "in the card. The service does not call back to the FHIR server. For health "
                    "professionals; verify against the protocol the child is treated on."
                ),
                "prefetch": prefetch_templates(),
            }
        ]
    }
