"""Pages of a search are followed at the same server only, and to an end; a part is told as one."""

from __future__ import annotations

import json
import re

import pytest
import requests
import responses
from asked_ehr import (
    BASE,
    PATIENT,
    Json,
    ask,
    asked,
    bundle,
    condition,
    everything,
    references,
    told,
)

from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.search import MOST_PAGES
from fhir_mappings.queries import QUERIES


def test_pages_are_followed_under_the_same_base_only(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Absolute, relative, and a next page that is the base itself; the token goes nowhere else."""
    everything(ehr, Condition={"json": bundle(condition(1), following=f"{BASE}?_getpages=a")})
    ehr.get(f"{BASE}?_getpages=a", json=bundle(condition(2), following="r4?_getpages=b", total=3))
    ehr.get(f"{BASE}?_getpages=b", json=bundle(condition(3), total=3))
    prefetch = ask(fhir_client)
    assert references(prefetch) == ["Condition/c1", "Condition/c2", "Condition/c3"]
    assert told(prefetch) == ""


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example.org/fhir/r4?page=2",
        "http://ehr.example.org/fhir/r4?page=2",
        "https://ehr.example.org:8443/fhir/r4?page=2",
        "https://ehr.example.org/admin?page=2",
        "https://ehr.example.org/fhir/r4/../admin?page=2",
        "https://ehr.example.org/fhir/r4/%2e%2e/admin",
        "https://user@ehr.example.org/fhir/r4?page=2",
        "https://ehr.example.org/fhir/r40?page=2",
        "file:///etc/passwd",
        "//evil.example.org/x",
        "https://[bad",
    ],
)
def test_a_next_page_elsewhere_is_not_asked_and_the_card_says_so(
    fhir_client: FhirClient, ehr: responses.RequestsMock, elsewhere: str
) -> None:
    """What is there is used; only a part could be fetched."""
    everything(ehr, Condition={"json": bundle(condition(), following=elsewhere)})
    prefetch = ask(fhir_client)
    assert references(prefetch) == ["Condition/c1"]
    assert told(prefetch) == "Only a part of conditions could be fetched."
    assert all(url.startswith(f"{BASE}/") for url in asked(ehr))


def test_pages_without_end_stop(fhir_client: FhirClient, ehr: responses.RequestsMock) -> None:
    """A page that names itself, and ever new ones."""
    everything(ehr, Condition={"json": bundle(condition(), following=f"{BASE}/again")})
    ehr.get(f"{BASE}/again", json=bundle(condition(2), following=f"{BASE}/again"))
    assert told(ask(fhir_client)) == "Only a part of conditions could be fetched."

    def ever_new(request: requests.PreparedRequest) -> tuple[int, Json, str]:
        number = int((request.url or "").rpartition("=")[2]) + 1
        return 200, {}, json.dumps(bundle(condition(), following=f"{BASE}/more?n={number}"))

    ehr.replace(responses.GET, f"{BASE}/again", json=bundle(following=f"{BASE}/more?n=0"))
    ehr.add_callback(responses.GET, re.compile(f"{BASE}/more"), callback=ever_new)
    assert told(ask(fhir_client)) == "Only a part of conditions could be fetched."
    assert sum("more" in url for url in asked(ehr)) < MOST_PAGES


def test_fewer_resources_than_the_total_are_a_part(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """A server without paging links says so by its total."""
    everything(ehr, Condition={"json": bundle(condition(), total=7)})
    assert told(ask(fhir_client)) == "Only a part of conditions could be fetched."


def test_a_truncated_prefetch_is_topped_up(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """By its next page, or by the same query where that lies elsewhere."""
    everything(ehr, Condition={"json": bundle(condition(1), condition(2))})
    ehr.get(f"{BASE}/page2", json=bundle(condition(2), total=2))
    sent = {query.key: bundle() for query in QUERIES} | {"patient": PATIENT}
    for following in (f"{BASE}/page2", "https://proxy.example.org/page2"):
        sent["conditions"] = bundle(condition(1), following=following, total=2)
        prefetch = ask(fhir_client, prefetch=sent)
        assert references(prefetch) == ["Condition/c1", "Condition/c2"]
        assert told(prefetch) == ""


def test_a_later_page_that_fails_leaves_a_part(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """The first page is used."""
    everything(ehr, Condition={"json": bundle(condition(), following=f"{BASE}/page2")})
    ehr.get(f"{BASE}/page2", status=500)
    prefetch = ask(fhir_client)
    assert references(prefetch) == ["Condition/c1"]
    assert told(prefetch) == "Only a part of conditions could be fetched."
