"""The sample patients go into a real FHIR server as they are written, and are decided from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from fhir_servers import FhirServerUnderTest, sekmet, sekmet_obstacle

from cds_service import __main__
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.settings import FhirSettings
from cds_service.patient_view import DECISION, patient_view
from cds_service.prefetch import RecordSource
from cds_service.sample_patients.samples import samples

WRITTEN_ON = date(2026, 11, 22)
TAG = "http://terminology.hl7.org/CodeSystem/v3-ActReason|HTEST"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What ``python -m cds_service sample-bundles FOLDER`` writes, by patient id."""
    folder: Path = tmp_path_factory.mktemp("bundles") / "new" / "folder"
    assert __main__.main(["sample-bundles", str(folder)]) == 0
    return {path.stem: json.loads(path.read_text("utf-8")) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def server(
    bundles: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FhirServerUnderTest]:
    """A FHIR server into which every Bundle was loaded, the first of them twice."""
    if obstacle := sekmet_obstacle():
        pytest.skip(obstacle)
    with sekmet(tmp_path_factory.mktemp("sekmet")) as running:
        for bundle in [next(iter(bundles.values())), *bundles.values()]:
            answer = requests.post(running.base, json=bundle, timeout=30)
            assert answer.ok, answer.text[:2000]
        yield running


@pytest.fixture(scope="module")
def source() -> Iterator[RecordSource]:
    """The test server may be asked."""
    client = FhirClient()
    yield RecordSource(client, FhirSettings(deadline_ms=30_000))
    client.close()


def test_there_is_a_bundle_for_each_sample_patient(bundles: dict[str, dict[str, Any]]) -> None:
    """Every resource keeps its id, no two share one, and each is tagged as test data."""
    assert set(bundles) == set(samples())
    urls = []
    for bundle in bundles.values():
        assert bundle["type"] == "transaction"
        for entry in bundle["entry"]:
            resource = entry["resource"]
            assert entry["request"] == {
                "method": "PUT",
                "url": f"{resource['resourceType']}/{resource['id']}",
            }
            tags = {f"{tag['system']}|{tag['code']}" for tag in resource["meta"]["tag"]}
            assert TAG in tags
            urls.append(entry["request"]["url"])
    assert len(urls) == len(set(urls))


@pytest.mark.parametrize("patient_id", sorted(samples()))
def test_a_loaded_child_is_decided_as_the_sample_patient(
    server: FhirServerUnderTest, source: RecordSource, patient_id: str
) -> None:
    """Nothing is prefetched: all of it is read from the server."""
    asked = {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/p1", "patientId": patient_id},
        "fhirServer": server.base,
    }
    answer = patient_view(json.dumps(asked).encode(), WRITTEN_ON, source=source)
    assert answer["extension"][DECISION]["plan"] == samples()[patient_id].plan


def test_the_test_data_can_be_found_again_by_its_tag(
    server: FhirServerUnderTest, bundles: dict[str, dict[str, Any]]
) -> None:
    """To be deleted when the trial is over."""
    found = requests.get(
        f"{server.base}/Patient", params={"_tag": TAG, "_count": 200}, timeout=30
    ).json()
    held = {
        entry["resource"]["id"]
        for entry in found["entry"]
        if entry["resource"]["resourceType"] == "Patient"
    }
    assert held == set(bundles)


def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2."""
    file = tmp_path / "file"
    file.write_text("")
    assert __main__.main(["sample-bundles", str(file)]) == 2
    assert str(file) in capsys.readouterr().err
