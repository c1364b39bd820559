"""The prefetch templates, derived from the code sets that the mapping reads.

Only the query subset of CDS Hooks 2.0: instance reads, and type-level searches by ``patient``,
by tokens, ``_sort`` and ``_count``; no parameter stands twice in one query.
Conditions and Procedures are asked for by patient alone, so that look-alikes and entries in
words arrive too. MRD has no verified code: ``laboratory`` is the bounded net for results that
carry only local codes or text. ``medications`` are optional: they only infer when first-line
therapy ended.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from fhir_mappings.codes import CODES
from fhir_mappings.site_codes import FIRST_LINE_COURSE, MRD, NO_SITE_CODES, SiteCodes

PATIENT: Final = "{{context.patientId}}"
MOST_RESULTS: Final = 200
"""Results asked for per page: a server's own page size is often 10 to 20."""

THERAPY_END: Final = frozenset({"therapy_end", "on_therapy", "therapy_completed"})
"""The facts on when first-line therapy ended."""

OBSERVATION_SETS: Final = (
    "marrow_blasts",
    "csf_wbc",
    "csf_nucleated",
    "csf_rbc",
    "csf_rbc_hint",
    "csf_blasts",
    "csf_cytology",
    "blood_wbc",
    "blood_rbc",
    "testis_biopsy_result",
    "disease_status",
    "diagnosis_observation",
    "immunophenotype",
    "karyotype",
    "variant",
    "kinase_mutation_hint",
    "radiation_dose",
    "fusion_transcript",
    "marrow_report",
    "all_relapse",
)
"""Code sets that the mapping reads as Observation.code."""


@dataclass(frozen=True, slots=True)
class Query:
    """One prefetch query: its key, the type, and its search parameters (none = a read).

    ``only_infers``: the facts that its data can tell, where they can tell no other and only where
    nothing explicit is on record.
    """

    key: str
    resource_type: str
    parameters: tuple[tuple[str, str], ...] = ()
    only_infers: frozenset[str] = frozenset()

    @property
    def template(self) -> str:
        """The prefetch template, with the CDS Hooks token of the patient."""
        if not self.parameters:
            return f"{self.resource_type}/{PATIENT}"
        asked = "&".join(f"{name}={value}" for name, value in self.parameters)
        return f"{self.resource_type}?{asked}"


def code_list(*names: str) -> str:
    """A search token list of the named code sets: ``system|code,system|code``."""
    tokens = dict.fromkeys(f"{row.uri}|{row.code}" for row in CODES.rows_of(*names))
    return ",".join(tokens)


def queries(site: SiteCodes = NO_SITE_CODES) -> tuple[Query, ...]:
    """Every query, in the order in which a person would read them.

    ``site``: the site's own codes, asked for beside the shipped ones.
    """
    own = [row.token for row in site.of(MRD, *OBSERVATION_SETS)]
    found = [
        Query("patient", "Patient"),
        Query("conditions", "Condition", (("patient", PATIENT),)),
        Query(
            "observations",
            "Observation",
            (
                ("patient", PATIENT),
                ("code", ",".join([code_list(*OBSERVATION_SETS), *own])),
                ("_count", str(MOST_RESULTS)),
            ),
        ),
        Query(
            "laboratory",
            "Observation",
            (
                ("patient", PATIENT),
                ("category", "laboratory"),
                ("_sort", "-date"),
                ("_count", str(MOST_RESULTS)),
            ),
        ),
        Query("procedures", "Procedure", (("patient", PATIENT),)),
        Query("medications", "MedicationRequest", (("patient", PATIENT),), THERAPY_END),
    ]
    if any(site.of(FIRST_LINE_COURSE)):
        found += [
            Query("care-plans", "CarePlan", (("patient", PATIENT),)),
            Query("episodes", "EpisodeOfCare", (("patient", PATIENT),)),
        ]
    return tuple(found)


QUERIES: Final = queries()
"""The queries of a site without codes of its own."""

SPECIMENS: Final = Query("specimens", "Specimen", (("patient", PATIENT),))
"""Asked of the FHIR server alone, when results name specimens that were not sent."""


def prefetch_templates(site: SiteCodes = NO_SITE_CODES) -> dict[str, str]:
    """Prefetch key -> template, as discovery publishes them."""
    return {query.key: query.template for query in queries(site)}


def prefetch_version(site: SiteCodes = NO_SITE_CODES) -> str:
    """Twelve hexadecimal signs that change with the templates: whoever typed them in compares."""
    told = "\n".join(f"{key}={text}" for key, text in prefetch_templates(site).items())
    return hashlib.sha256(told.encode()).hexdigest()[:12]
