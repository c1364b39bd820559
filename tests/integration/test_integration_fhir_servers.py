"""The same child gets the same decision, whoever holds the record: client, server, or both."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from fhir_servers import (
    FhirServerUnderTest,
    medplum,
    medplum_obstacle,
    sekmet,
    sekmet_obstacle,
)

from cds_service.errors import RequiredDataMissing
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.settings import FhirSettings
from cds_service.patient_view import DECISION, patient_view
from cds_service.prefetch import RecordSource
from cds_service.sample_patients.samples import Sample, samples
from tests.support.vignette_fhir import chart_for, patient_id_of, prefetch_for

AS_OF = date(2026, 1, 15)
TODAY = date(2026, 11, 22)
"""When the sample patients were written."""
FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
VIGNETTES = json.loads(FILE.read_text("utf-8"))["vignettes"]
DIALECTS = ("ehr", "mcode", "pcsp")
MATRIX = [(vignette, dialect) for vignette in VIGNETTES for dialect in DIALECTS]
THIRD = [cell for place, cell in enumerate(MATRIX) if place % 3 == place // 3 % 3]
"""Each vignette in one dialect, the dialects in turn."""
CI = bool(os.environ.get("CI"))
CELLS = MATRIX if CI else THIRD
"""On a build machine the whole matrix, elsewhere a fixed third."""

in_a_part_of_the_matrix = pytest.mark.parametrize(
    ("vignette", "dialect"), CELLS, ids=[f"{v['id']}-{d}" for v, d in CELLS]
)


@pytest.fixture(scope="session")
def _sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FhirServerUnderTest]:
    _need(sekmet_obstacle())
    folder: Path = tmp_path_factory.mktemp("sekmet")
    with sekmet(folder) as server:
        yield server


@pytest.fixture(scope="session")
def _medplum() -> Iterator[FhirServerUnderTest]:
    _need(medplum_obstacle())
    with medplum() as server:
        yield server


@pytest.fixture(params=["sekmet", "medplum"])
def fhir(request: pytest.FixtureRequest) -> FhirServerUnderTest:
    """One of the two servers, running and empty."""
    server: FhirServerUnderTest = request.getfixturevalue(f"_{request.param}")
    return server


def _need(obstacle: str) -> None:
    """Skip with the reason; on a build machine nothing is skipped."""
    if obstacle and CI:
        pytest.fail(obstacle)
    if obstacle:
        pytest.skip(obstacle)


@pytest.fixture(scope="module")
def source() -> Iterator[RecordSource]:
    """Servers of this machine may be asked, as in development; two cores may be busy."""
    client = FhirClient()
    yield RecordSource(client, FhirSettings(deadline_ms=30_000))
    client.close()


def decision(source: RecordSource, body: dict[str, Any], day: date = AS_OF) -> dict[str, Any]:
    """The decision document without the places where its facts were read."""
    answer = patient_view(json.dumps(body).encode(), day, source=source)
    document: dict[str, Any] = dict(answer["extension"][DECISION])
    document.pop("facts")
    return document


def hook(vignette: dict[str, Any], prefetch: dict[str, Any], server: str = "") -> dict[str, Any]:
    """A patient-view request, of an open FHIR server where one is named."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/p1", "patientId": patient_id_of(vignette)},
        "prefetch": prefetch,
    } | ({"fhirServer": server} if server else {})


@in_a_part_of_the_matrix
def test_without_prefetch_the_server_gives_the_same_decision(
    fhir: FhirServerUnderTest, source: RecordSource, vignette: dict[str, Any], dialect: str
) -> None:
    """Everything is fetched, Specimens that results only name included."""
    fhir.hold(chart_for(vignette, dialect).resources)
    fetched = decision(source, hook(vignette, {}, fhir.base))
    assert fetched == decision(source, hook(vignette, prefetch_for(vignette, dialect)))


@in_a_part_of_the_matrix
def test_with_a_random_half_of_the_prefetch_the_decision_is_the_same(
    fhir: FhirServerUnderTest, source: RecordSource, vignette: dict[str, Any], dialect: str
) -> None:
    """Whatever half it is: the rest comes from the server."""
    fhir.hold(chart_for(vignette, dialect).resources)
    whole = prefetch_for(vignette, dialect)
    chance = random.Random(f"{vignette['id']}-{dialect}")  # noqa: S311 - a choice of test cases
    half = {key: whole[key] for key in chance.sample(sorted(whole), len(whole) // 2)}
    assert decision(source, hook(vignette, half, fhir.base)) == decision(
        source, hook(vignette, whole)
    )


@pytest.mark.parametrize("sample", samples().values(), ids=samples())
def test_a_sample_patient_held_by_a_server_gets_its_plan(
    fhir: FhirServerUnderTest, source: RecordSource, sample: Sample
) -> None:
    """The children that ship with the package, without any prefetch."""
    fhir.hold(list(sample.resources))
    body = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "fhirServer": fhir.base,
        "context": {"userId": "Practitioner/p1", "patientId": sample.patient_id},
    }
    assert decision(source, body, TODAY)["plan"] == sample.plan


def test_a_child_that_the_server_does_not_know_is_a_412(
    fhir: FhirServerUnderTest, source: RecordSource
) -> None:
    """Not "no relapse": required data cannot be had."""
    fhir.hold(chart_for(VIGNETTES[0], "ehr").resources)
    body = hook(VIGNETTES[1], {}, fhir.base)
    # The servers outlive a test and remember whom they once held: this child never was there.
    body["context"]["patientId"] = "child-never-held"
    with pytest.raises(RequiredDataMissing, match=r"patient was not sent, and .*does not know it"):
        decision(source, body)
