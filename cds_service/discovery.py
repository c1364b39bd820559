"""``GET /cds-services``: what this service is and which data it asks for, built once at start."""

from __future__ import annotations

from typing import Any

from fhir_mappings.queries import prefetch_templates
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes

SERVICE_ID = "relapsed-all-stratification"
HOOK = "patient-view"


def discovery(site: SiteCodes = NO_SITE_CODES) -> dict[str, Any]:
    """The discovery document (cds-hooks_2.0@6 to @12); ``site``: codes of the site's own.

    ``version`` and ``hookVersion`` are of the 3.0 ballot; older clients pass over them.
    """
    return {
        "services": [
            {
                "hook": HOOK,
                "id": SERVICE_ID,
                "version": "2.0.1",
                "hookVersion": "1.0",
                "title": "Relapsed childhood ALL: stratification and plan",
                "description": (
                    "For a child with a first relapse of acute lymphoblastic leukaemia: time and "
                    "site of relapse, S-group, risk and the options described by one centre group "
                    "(Locatelli et al., Blood 2012), with the facts they rest on, and what is "
                    "missing where the record does not decide."
                ),
                "usageRequirements": (
                    "FHIR R4 (4.0.1). Patient and conditions are required; observations, "
                    "laboratory, procedures and medications are optional, and what is missing is "
                    "named in the card. What is not prefetched, or only its first page, is read "
                    "from fhirServer with fhirAuthorization (scopes: read of these types) where "
                    "the site allows that server; required data that cannot be had so: 412. For "
                    "health professionals; verify against the protocol the child is treated on."
                ),
                "prefetch": prefetch_templates(site),
            }
        ]
    }
