"""Vignettes as FHIR R4: what a hospital's record of each invented child would hold.

``bundle_for`` gives one searchset Bundle, ``prefetch_for`` the values of a CDS Hooks prefetch.
A dialect is a way of writing the same facts; ``mixed`` is all of them in one chart. Everything
that an input does not state is left out: a null date is a Condition without onset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cds_service.sample_patients import search as sample_search
from fhir_mappings.queries import PATIENT, QUERIES
from tests.support.ehr_dialect import ehr_chart
from tests.support.fhir_writing import Chart, Json, searchset, shifted
from tests.support.mcode_dialect import mcode_chart
from tests.support.pcsp_dialect import pcsp_chart

__all__ = [
    "DIALECTS",
    "bundle_for",
    "chart_for",
    "patient_id_of",
    "prefetch_for",
    "searchset",
    "shifted",
]

BASE = "https://fhir.example.org/r4"


def bundle_for(vignette: Mapping[str, Any], dialect: str = "ehr") -> Json:
    """The whole record of a vignette as one searchset Bundle."""
    return searchset(chart_for(vignette, dialect).resources)


def prefetch_for(vignette: Mapping[str, Any], dialect: str = "ehr") -> dict[str, Json]:
    """The record as prefetch: what the search of every key finds, and the Specimens it names."""
    resources = chart_for(vignette, dialect).resources
    found: dict[str, Json] = {}
    for query in QUERIES:
        if not query.parameters:
            found[query.key] = resources[0]
            continue
        asked = [
            (name, resources[0]["id"] if value == PATIENT else value)
            for name, value in query.parameters
        ]
        own = [item for item in resources if item["resourceType"] == query.resource_type]
        found[query.key] = sample_search.searchset(BASE, query.resource_type, own, asked)
    _include_specimens(found["laboratory"], resources)
    return found


def chart_for(vignette: Mapping[str, Any], dialect: str = "ehr") -> Chart:
    """The resources of a vignette in one dialect, the Patient first."""
    return DIALECTS[dialect](patient_id_of(vignette), vignette["inputs"])


def patient_id_of(vignette: Mapping[str, Any]) -> str:
    """``child-v001``: an id that belongs to no one."""
    return f"child-{vignette['id'].lower()}"


def _include_specimens(bundle: Json, resources: list[Json]) -> None:
    specimens = [item for item in resources if item["resourceType"] == "Specimen"]
    if specimens and "entry" in bundle:
        bundle["entry"] += [
            {"fullUrl": f"{BASE}/Specimen/{item['id']}", "resource": item} for item in specimens
        ]


def mixed_chart(patient_id: str, inputs: Mapping[str, Any]) -> Chart:
    """The same child as three hospitals write it, in one chart."""
    chart = Chart(patient_id)
    for write in (ehr_chart, mcode_chart, pcsp_chart):
        found = write(patient_id, inputs).resources
        chart.resources += found[1:] if chart.resources else found
    return chart


DIALECTS: dict[str, Callable[[str, Mapping[str, Any]], Chart]] = {
    "ehr": ehr_chart,
    "mcode": mcode_chart,
    "pcsp": pcsp_chart,
    "mixed": mixed_chart,
}
"""A dialect writes the ``inputs`` of a vignette as the chart of the patient with that id."""
