"""Prints what the cards of the sample patients and of the walk are, without ids and times.

Run as a program by a test, so that PYTHONHASHSEED can differ. With an address of the sample FHIR
server as its argument nothing is prefetched: everything is asked of that server.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import date

from every_decision import TODAY, every_decision

from cds_service.cards.card_set import cards_for
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.settings import FhirSettings
from cds_service.patient_view import patient_view
from cds_service.prefetch import RecordSource
from cds_service.sample_patients.fhir import resources_by_type, sample_request
from cds_service.sample_patients.samples import samples

AS_OF = date(2026, 11, 22)
_VOLATILE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d{2}-\d{2}T[0-9:.+Z-]+")


def of_samples(server: str) -> Iterator[str]:
    """The response for each sample patient: from what is sent, or from ``server``."""
    source = RecordSource(FhirClient(), FhirSettings(deadline_ms=30_000))
    by_type = resources_by_type(samples())
    for patient_id in samples():
        body = sample_request(by_type, patient_id, server or "http://127.0.0.1:9/fhir")
        del body["prefetch" if server else "fhirServer"]
        yield json.dumps(patient_view(json.dumps(body).encode(), AS_OF, source=source))


def of_the_walk() -> Iterator[str]:
    """The cards of every tenth decision there is."""
    for decision in every_decision()[::10]:
        yield json.dumps(cards_for(decision, as_of=TODAY, patient_id="p1"))


def digest(texts: Iterator[str]) -> str:
    """SHA-256 of the texts without what may differ."""
    joined = "\n".join(_VOLATILE.sub("*", text) for text in texts)
    return hashlib.sha256(joined.encode()).hexdigest()


if __name__ == "__main__":
    address = sys.argv[1] if len(sys.argv) > 1 else ""
    sys.stdout.write(f"{digest(of_samples(address))} {digest(of_the_walk())}\n")
