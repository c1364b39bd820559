"""The sample patients as transaction Bundles, for a site's own test server (docs/integrate.md).

Every resource keeps its id and is marked as test data, so that it can be found and deleted again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from cds_service.errors import CommandError
from cds_service.sample_patients.samples import Resource, Sample, samples

TEST_DATA: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "code": "HTEST",
    "display": "test health data",
}


def transaction(sample: Sample) -> dict[str, Any]:
    """A Bundle that makes the child, or makes it again as it was: each resource a PUT."""
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": _marked(resource),
                "request": {
                    "method": "PUT",
                    "url": f"{resource['resourceType']}/{resource['id']}",
                },
            }
            for resource in sample.resources
        ],
    }


def written_bundles(folder: str) -> str:
    """Write one file for each child into ``folder``; says where. Raises CommandError."""
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        for sample in samples().values():
            text = json.dumps(transaction(sample), indent=2, ensure_ascii=False)
            (place / f"{sample.patient_id}.json").write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{folder}: {error.strerror}") from None
    return f"{len(samples())} transaction Bundles are in {folder}"


def _marked(resource: Resource) -> Resource:
    """``resource`` with the tag of test data beside those that it has."""
    meta = resource.get("meta", {})
    return {**resource, "meta": {**meta, "tag": [*meta.get("tag", []), TEST_DATA]}}
