"""The invented children, and the FHIR server that shows them to the public sandbox."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient

from cds_service.cards.words import PLANS
from cds_service.sample_patients.samples import Sample, samples
from fhir_mappings.queries import prefetch_templates
from fhir_mappings.r4b import built

SEARCHES = {key: query for key, query in prefetch_templates().items() if "?" in query}
children = pytest.mark.parametrize("child", samples().values(), ids=lambda child: child.patient_id)


@children
def test_each_sample_child_gets_the_plan_that_is_written_beside_it(
    client: FlaskClient, child: Sample
) -> None:
    """From FHIR to card, through HTTP, with the request that the sandbox would send."""
    body = client.get(f"/sample-requests/{child.patient_id}").json
    response = client.post(SERVICE, json=body)
    assert response.status_code == 200
    assert response.json["extension"]["org.relapsed-all.decision"]["plan"] == child.plan
    assert bool(response.json["cards"]) == child.shown


def test_every_plan_of_the_decision_document_has_a_sample_child() -> None:
    """Nobody has to invent a patient to see what a plan looks like."""
    assert {child.plan for child in samples().values()} == set(PLANS)


@children
def test_each_sample_resource_is_valid_fhir_and_about_this_child(child: Sample) -> None:
    """Valid by fhir.resources R4B; the family name says that nobody is meant."""
    patient, *others = child.resources
    assert patient["id"] == child.patient_id
    assert patient["name"][0]["family"] == "Inventedchild"
    assert isinstance(patient["name"][0]["given"], list)
    for resource in child.resources:
        built(resource)
    for resource in others:
        assert resource["subject"]["reference"] == f"Patient/{child.patient_id}"
        assert resource["code"]["coding"][0]["code"]


def test_resource_ids_are_unique_among_all_children() -> None:
    """A read by id must find the one that was meant."""
    ids = [
        (resource["resourceType"], resource["id"])
        for child in samples().values()
        for resource in child.resources
    ]
    assert len(ids) == len(set(ids))


def test_some_dates_are_partial_as_in_real_records() -> None:
    """A year, or a year and a month."""
    conditions = [
        resource
        for child in samples().values()
        for resource in child.resources
        if resource["resourceType"] == "Condition"
    ]
    assert any(len(condition["onsetDateTime"]) == 7 for condition in conditions)


def test_the_capability_statement_is_valid_fhir(client: FlaskClient) -> None:
    """The first thing that the sandbox asks for."""
    response = client.get("/fhir/metadata", headers={"Accept": "application/json+fhir"})
    assert response.content_type == "application/fhir+json"
    assert response.json["fhirVersion"] == "4.0.1"
    built(response.json)


@pytest.mark.parametrize("path", ["/fhir/Patient", "/fhir/Patient/"])
def test_the_patient_list_holds_every_child(client: FlaskClient, path: str) -> None:
    """The sandbox offers them for choice."""
    bundle = client.get(path).json
    assert bundle["type"] == "searchset"
    assert bundle["total"] == len(bundle["entry"]) == len(samples())
    built(bundle)


@pytest.mark.parametrize("given", ["sample-adult", "Patient/sample-adult"])
@pytest.mark.parametrize("name", ["patient", "subject"])
def test_conditions_are_found_by_patient(client: FlaskClient, name: str, given: str) -> None:
    """By bare id and by reference: real servers and clients differ."""
    bundle = client.get(f"/fhir/Condition?{urlencode({name: given})}").json
    assert bundle["total"] == 3
    assert {entry["resource"]["subject"]["reference"] for entry in bundle["entry"]} == {
        "Patient/sample-adult"
    }


@children
@pytest.mark.parametrize("key", list(SEARCHES))
def test_each_prefetch_search_gives_the_same_by_get_and_by_post(
    client: FlaskClient, key: str, child: Sample
) -> None:
    """The sandbox posts a form to ``_search`` and falls back to GET."""
    template = SEARCHES[key].replace("{{context.patientId}}", child.patient_id)
    resource_type, _, query = template.partition("?")
    form = dict(pair.split("=", 1) for pair in query.split("&"))
    got = client.get(f"/fhir/{resource_type}?{query}").json
    posted = client.post(f"/fhir/{resource_type}/_search", data=form).json
    assert entries(got) == entries(posted)
    assert got["total"] == len(entries(got))
    assert [link["relation"] for link in got["link"]] == ["self"]
    built(got)


def entries(bundle: dict[str, Any]) -> list[dict[str, Any]]:
    """The resources of a searchset."""
    return [entry["resource"] for entry in bundle.get("entry", [])]


@children
def test_the_prefetch_searches_find_every_resource_of_the_child(
    client: FlaskClient, child: Sample
) -> None:
    """Nothing on record stays out of reach of our own templates."""
    found = {(child.resources[0]["resourceType"], child.patient_id)}
    for template in SEARCHES.values():
        path = template.replace("{{context.patientId}}", child.patient_id)
        found |= {(r["resourceType"], r["id"]) for r in entries(client.get(f"/fhir/{path}").json)}
    assert found == {(r["resourceType"], r["id"]) for r in child.resources}


def test_a_code_search_keeps_the_codes_asked_for(client: FlaskClient) -> None:
    """``system|code``, ``code`` and lists of them; another system's code is another code."""
    path = "/fhir/Observation?patient=sample-adult&code="
    assert client.get(f"{path}http://loinc.org|11150-0").json["total"] == 1
    assert client.get(f"{path}11150-0,806-0").json["total"] == 2
    assert client.get(f"{path}http://snomed.info/sct|11150-0").json["total"] == 0
    assert client.get(f"{path}nothing").json == {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": 0,
        "link": [
            {
                "relation": "self",
                "url": "http://localhost/fhir/Observation?patient=sample-adult&code=nothing",
            }
        ],
    }


def test_pages_are_linked_and_together_hold_everything(client: FlaskClient) -> None:
    """``_count`` cuts, ``next`` leads on, the total stays."""
    url: str | None = "/fhir/Observation?patient=sample-adult&_sort=-date&_count=3"
    seen: list[str] = []
    dates: list[str] = []
    while url:
        page = client.get(url).json
        assert page["total"] == 4
        seen += [resource["id"] for resource in entries(page)]
        dates += [resource["effectiveDateTime"] for resource in entries(page)]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)
    assert len(seen) == len(set(seen)) == 4
    assert dates == sorted(dates, reverse=True)


@pytest.mark.parametrize("count", ["-1", "x", "9" * 30])
def test_a_count_that_is_no_whole_number_is_a_400(client: FlaskClient, count: str) -> None:
    """Named, as FHIR."""
    response = client.get(f"/fhir/Condition?_count={count}")
    assert response.status_code == 400
    assert response.content_type == "application/fhir+json"
    assert outcome_of(response)["expression"] == ["_count"]


def test_unknown_parameters_are_ignored_and_not_in_the_self_link(client: FlaskClient) -> None:
    """As FHIR allows a server to do, if it says what it used."""
    bundle = client.get("/fhir/Condition?patient=sample-adult&_include=x&colour=red").json
    assert bundle["total"] == 3
    assert bundle["link"][0]["url"].endswith("/fhir/Condition?patient=sample-adult")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/fhir/Patient/nobody", 404),
        ("/fhir/Nonsense", 404),
        ("/fhir/Nonsense/1", 404),
        ("/fhir", 404),
        ("/fhir/_services/smart/Launch", 404),
        ("/sample-requests/nobody", 404),
    ],
)
def test_what_is_not_there_is_a_404_with_an_operation_outcome(
    client: FlaskClient, path: str, status: int
) -> None:
    """Of the FHIR server and of the sample requests."""
    response = client.get(path)
    assert response.status_code == status
    assert outcome_of(response)["code"] == "not-found"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_the_sample_server_is_read_only(client: FlaskClient, method: str) -> None:
    """No method changes a sample."""
    assert client.open("/fhir/Patient/sample-adult", method=method).status_code == 405
    assert client.post("/fhir/Patient", json={}).status_code == 405


def test_a_search_by_post_must_be_a_form(client: FlaskClient) -> None:
    """As FHIR says of ``_search``."""
    response = client.post("/fhir/Condition/_search", json={"patient": "sample-adult"})
    assert response.status_code == 415
