"""The request bodies of the bench: invented children in charts of four sizes, always the same.

The core of a chart is a sample patient; around it stands an ``UnrelatedRecord``. Each body answers
our own prefetch templates as an EHR would, all results in one page. Every second EHR takes no
notice of ``category`` and sends vital signs among the laboratory results.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from bench.unrelated_record import Resource, UnrelatedRecord
from cds_service.sample_patients.samples import Sample, samples
from cds_service.sample_patients.search import searchset
from fhir_mappings.queries import PATIENT, QUERIES, Query

HOOK_INSTANCE: Final = "00000000-0000-4000-8000-000000000000"
"""Stands once in every body; the load puts another UUID of the same length there."""

_BASE: Final = "https://ehr.example.org/fhir/r4"
_SEED: Final = 20_121_120
_CHUNK: Final = ("laboratory",) * 9 + ("medication",) * 5 + ("procedure",) + ("vital sign",) * 2
_LARGEST_ENTRY: Final = 4_500
"""Bytes: no single resource adds more to a body, also where two keys bring it."""
_NO_RELAPSE: Final = frozenset({"NO_RELAPSE", "OUT_OF_SCOPE"})


@dataclass(frozen=True, slots=True)
class Size:
    """A size of chart: about ``body_bytes`` long, in so many ``variants``."""

    name: str
    body_bytes: int
    variants: int
    conditions: int
    """Unrelated diagnoses, before anything else fills the chart."""


SIZES: Final = (
    Size("small", 32_000, 32, 1),
    Size("medium", 268_000, 32, 8),
    Size("large", 2_000_000, 8, 28),
    Size("8 MB", 8_000_000, 3, 60),
)
"""The sizes that are measured, from small to large."""


@dataclass(frozen=True, slots=True)
class Body:
    """One request body: who it is about, and the resources of the chart behind it."""

    patient_id: str
    content: bytes
    resources: tuple[Resource, ...]


def bodies(size: Size, variants: int | None = None) -> tuple[Body, ...]:
    """The bodies of one size, the same in every run; ``variants``: only so many."""
    return tuple(_body(size, number) for number in range(variants or size.variants))


def without_prefetch(body: Body, fhir_server: str) -> bytes:
    """The same call from an EHR that sends no prefetch and lets its FHIR server be asked."""
    hook = msgspec.json.decode(body.content)
    del hook["prefetch"]
    return _encoded(hook | {"fhirServer": fhir_server})


def searched(resources: tuple[Resource, ...], query: Query, patient_id: str) -> Resource:
    """What the EHR's FHIR server answers to one query, in one page."""
    if not query.parameters:
        return resources[0]
    asked = [
        (name, patient_id if value == PATIENT else value)
        for name, value in query.parameters
        if name != "_count"
    ]
    own = [item for item in resources if item["resourceType"] == query.resource_type]
    return searchset(_BASE, query.resource_type, own, asked)


def _body(size: Size, number: int) -> Body:
    child = _children()[number % len(_children())]
    record = UnrelatedRecord(child.patient_id, random.Random(f"{_SEED} {size.name} {number}"))
    ignores_category = bool(number % 2)
    resources = [*child.resources]
    resources += [record.resource("condition", index) for index in range(size.conditions)]
    index = 0
    while True:
        content = _encoded(_hook(child.patient_id, tuple(resources), ignores_category))
        missing = size.body_bytes - len(content)
        if missing <= 0:
            return Body(child.patient_id, content, tuple(resources))
        # Towards the size in big steps, the last one resource by resource.
        for _ in range(max(1, missing // _LARGEST_ENTRY)):
            resources.append(record.resource(_CHUNK[index % len(_CHUNK)], index))
            index += 1


def _hook(patient_id: str, resources: tuple[Resource, ...], ignores_category: bool) -> Resource:
    prefetch = {query.key: searched(resources, query, patient_id) for query in QUERIES}
    if ignores_category:
        vitals = [item for item in resources if "-vital-" in item["id"]]
        _append(prefetch["laboratory"], vitals)
    return {
        "hook": "patient-view",
        "hookInstance": HOOK_INSTANCE,
        "context": {"userId": "Practitioner/staff-0", "patientId": patient_id},
        "prefetch": prefetch,
    }


def _append(bundle: dict[str, Any], resources: list[Resource]) -> None:
    bundle["total"] += len(resources)
    bundle.setdefault("entry", []).extend(
        {
            "fullUrl": f"{_BASE}/{item['resourceType']}/{item['id']}",
            "resource": item,
            "search": {"mode": "match"},
        }
        for item in resources
    )


def _children() -> list[Sample]:
    """The sample patients about whom there is something to decide."""
    return [child for child in samples().values() if child.shown and child.plan not in _NO_RELAPSE]


def _encoded(content: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(content)
