"""The try-it page: what is on it, what bad input gets, and that production has none of it."""

from __future__ import annotations

import io
import json
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.sample_patients.samples import samples

CHILD = "sample-s3-early-marrow"
FILE = Path("cds_service/sample_patients") / f"{CHILD}.json"


@pytest.fixture(scope="module")
def limited() -> FlaskClient:
    """A service that takes bodies of 2,000 bytes."""
    return create_app(Config(feedback_database="sqlite://", body_limit=2_000)).test_client()


def pasted(client: FlaskClient, text: str) -> TestResponse:
    """The answer to what was pasted."""
    return client.post("/try-it/own", data={"record": text})


def words(response: TestResponse) -> str:
    """The HTML with its entities as characters."""
    return unescape(response.get_data(as_text=True))


def test_the_list_names_every_child_and_says_what_it_is(client: FlaskClient) -> None:
    """Invented patients, development mode, not a medical device."""
    text = words(client.get("/"))
    for child in samples().values():
        assert f'href="/try-it/patients/{child.patient_id}"' in text
        assert child.about in text
    assert "invented" in text
    assert "Development mode" in text
    assert "Not a medical device" in text


@pytest.mark.parametrize("patient_id", list(samples()))
def test_every_child_has_a_page_with_the_cards_of_the_hook(
    client: FlaskClient, patient_id: str
) -> None:
    """The summaries, the request, the decision, and a launch of the clinician's page."""
    request = client.get(f"/sample-requests/{patient_id}").json
    answer = client.post("/cds-services/relapsed-all-stratification", json=request).json
    response = client.get(f"/try-it/patients/{patient_id}")
    text = words(response)
    assert response.status_code == 200
    assert [card["summary"] in text for card in answer["cards"]] == [True] * len(answer["cards"])
    assert ("No card." in text) is not answer["cards"] or not answer["cards"]
    assert f"/try-it/ehr/launch/{patient_id}" in text
    assert '"hookInstance"' in text
    assert f'"plan": "{answer["extension"]["org.relapsed-all.decision"]["plan"]}"' in text


def test_a_child_that_has_died_is_not_said_to_be_out_of_scope(client: FlaskClient) -> None:
    """No card, and the right reason."""
    text = words(client.get("/try-it/patients/sample-deceased"))
    assert "the child has died" in text
    assert "does not apply" not in text


def test_an_unknown_child_is_not_found(client: FlaskClient) -> None:
    """404, as for any sample."""
    assert client.get("/try-it/patients/nobody").status_code == 404


def test_no_page_loads_anything_from_elsewhere(client: FlaskClient) -> None:
    """A strict policy, no inline script or style, and every reference is our own."""
    for path in ("/", f"/try-it/patients/{CHILD}", "/try-it/own"):
        response = client.get(path)
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "http" not in policy
        text = response.get_data(as_text=True)
        assert "style=" not in text
        assert 'src="http' not in text
        assert '<link rel="stylesheet" href="/try-it/static/try-it.css">' in text


@pytest.mark.parametrize("name", ["try-it.css", "feedback.js", "icon.svg"])
def test_the_files_of_the_page_are_served(client: FlaskClient, name: str) -> None:
    """From our own address."""
    with client.get(f"/try-it/static/{name}") as response:
        assert response.status_code == 200


def test_a_pasted_bundle_is_answered(client: FlaskClient) -> None:
    """The cards, and no launch: no EHR holds the record."""
    text = words(pasted(client, FILE.read_text("utf-8")))
    assert "S3, high risk" in text
    assert "/try-it/ehr/launch/" not in text


def test_an_uploaded_bundle_is_answered(client: FlaskClient) -> None:
    """A file, chosen in place of pasting."""
    data = {"record": "", "file": (io.BytesIO(FILE.read_bytes()), "b.json")}
    assert "S3, high risk" in words(client.post("/try-it/own", data=data))


def test_a_pasted_hook_request_is_answered(client: FlaskClient) -> None:
    """What an EHR would post."""
    text = client.get(f"/sample-requests/{CHILD}").get_data(as_text=True)
    assert "S3, high risk" in words(pasted(client, text))


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("", 400, "must be JSON"),
        ("{", 400, "must be JSON"),
        ('{"resourceType": "Bundle", "entry": [{"resource": 7}]}', 400, "entry[0].resource"),
        ('{"hook": "patient-view"}', 400, "hookInstance"),
        ('{"hook": "order-sign", "hookInstance": "x", "context": {"patientId": "x"}}', 400, "hook"),
        ('{"hook": "patient-view", "hookInstance": "x", "context": {"patientId": 7}}', 400,
         "context.patientId"),
        ('{"hook": "patient-view", "hookInstance": "x", "context": {"patientId": "x"}}', 412,
         "prefetch.conditions"),
    ],
)  # fmt: skip
def test_bad_input_is_explained_by_field(
    client: FlaskClient, text: str, status: int, told: str
) -> None:
    """The words and the field of the OperationOutcome, and the text is still there to mend."""
    response = pasted(client, text)
    assert response.status_code == status
    assert "This could not be answered" in words(response)
    assert told in words(response)
    assert text in words(response)


def test_a_resource_that_cannot_be_read_is_named_with_its_fault(client: FlaskClient) -> None:
    """Where that leaves nothing to answer with."""
    condition = {"resourceType": "Condition", "id": "c1", "subject": {"reference": 7}}
    entry = [{"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": condition}]
    text = words(pasted(client, json.dumps({"resourceType": "Bundle", "entry": entry})))
    assert "Condition/c1" in text
    assert "subject" in text


def test_a_record_that_is_too_large_is_refused(limited: FlaskClient) -> None:
    """Pasted or uploaded, and in words."""
    large = "x" * 20_000
    for data in ({"record": large}, {"file": (io.BytesIO(large.encode()), "b.json")}):
        response = limited.post("/try-it/own", data=data)
        assert response.status_code == 413
        assert "larger than 2000 bytes" in words(response)


def test_hostile_text_in_a_record_stays_text(client: FlaskClient) -> None:
    """In the text to mend, in the request, in the cards."""
    record = FILE.read_text("utf-8").replace("Inventedchild", "</pre><script>alert(1)</script>")
    text = pasted(client, record).get_data(as_text=True)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_production_has_no_try_it_page(production: FlaskClient) -> None:
    """Neither page nor files nor test EHR."""
    configuration = "/try-it/ehr/fhir/.well-known/smart-configuration"
    pages = ("/", "/try-it/own", f"/try-it/patients/{CHILD}", f"/try-it/ehr/launch/{CHILD}")
    for path in (*pages, configuration, "/try-it/static/try-it.css"):
        assert production.get(path).status_code == 404
