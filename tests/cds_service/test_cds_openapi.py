"""The OpenAPI document says what the service does: every route, every status, every shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import schemathesis
from cds_answers import SERVICE
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from trusted_clients import EHR, PUBLIC_URL, production_config

from cds_service import app, errors, openapi
from cds_service.app import create_app
from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.config import Config
from cds_service.fhir_server.settings import base_urls
from cds_service.trust.admission import Admission

DOCUMENT = openapi.openapi()
API = {
    path: {method: told for method, told in item.items() if method != "parameters"}
    for path, item in DOCUMENT["paths"].items()
}
MACHINES = {
    (path, method)
    for path, item in API.items()
    for method, told in item.items()
    if "page" not in told["tags"]
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The production service with everything that can be switched on."""
    config = production_config(tmp_path_factory.mktemp("openapi"), body_limit=2_000)
    smart = replace(
        config.smart,
        client_id="page",
        cookie_key="k" * 32,
        issuers=base_urls("https://ehr.example.org/r4"),
        loopback=False,
    )
    return create_app(replace(config, smart=smart))


def test_the_document_is_openapi_3_1() -> None:
    """Judged by the validator of the OpenAPI schema."""
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.0"


def test_it_is_served_with_the_version_of_the_program(client: FlaskClient) -> None:
    """To everybody: it holds nothing about anybody."""
    served = client.get("/openapi.json")
    assert served.content_type == "application/json"
    assert served.json == DOCUMENT
    assert served.json["info"]["version"] == client.get("/health").json["version"]


def test_the_production_service_has_the_routes_of_the_document_and_no_others(whole: Flask) -> None:
    """Both ways; HEAD and OPTIONS are said in words."""
    routes = {
        (rule.rule.replace("<path:", "<").replace("<", "{").replace(">", "}"), method.lower())
        for rule in whole.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes == {(path, method) for path, item in API.items() for method in item}


def test_the_statuses_of_the_pages_are_those_of_their_faults() -> None:
    """The pages are tested by their own tests; here the document is."""
    faults = {str(fault.status) for fault in LaunchFault} - {"500"}  # a defect of ours
    statuses = {path: set(next(iter(item.values()))["responses"]) for path, item in API.items()}
    assert statuses["/callback"] == {"200", *faults}
    assert statuses["/launch"] == {"302", *faults}
    assert statuses["/clinician-page/what-if"] == {"200", "400", "413", "415"}


def test_every_error_of_the_service_has_its_status_in_the_document() -> None:
    """But that of development mode, which answers one machine alone."""
    told = {status for path, method in MACHINES for status in API[path][method]["responses"]}
    kinds = _below(errors.CdsServiceError)
    assert {str(kind.status) for kind in kinds} - {str(errors.OtherMachine.status)} == told - {
        "200"
    }


def _below(kind: type[Any]) -> Iterator[type[Any]]:
    for below in kind.__subclasses__():
        yield below
        yield from _below(below)


class Calls:
    """Makes every documented answer of the production service happen."""

    def __init__(self, whole: Flask, patch: pytest.MonkeyPatch, body: dict[str, Any]) -> None:
        """``body``: a hook request in which nothing is wrong."""
        self.client = whole.test_client()
        self.patch = patch
        self.body = body

    def __call__(self, path: str, method: str, status: str) -> Any:
        """The answer that has this status."""
        self._prepare(status)
        at = path.replace("{service_id}", "relapsed-all-stratification")
        if status == "404":
            at = path.replace("{service_id}", "another")
        named: dict[str, Any] = {"headers": self._headers(at, status)}
        if method == "post":
            named |= self._content(at, status)
        with self.patch.context() as patch:
            if status in {"429", "503"}:
                refuse(patch, path, status)
            return self.client.open(at, method=method, **named)

    def _headers(self, at: str, status: str) -> dict[str, str]:
        if status == "401":
            return {"Authorization": "Bearer nobody"}
        accept = {"Accept": "application/json"}
        return accept | EHR.bearer(f"{PUBLIC_URL}{at}")

    def _prepare(self, status: str) -> None:
        prefetch = self.body["prefetch"]
        if status == "412":
            del prefetch["conditions"]
        if status == "422":
            prefetch["patient"] = {"resourceType": "Patient", "id": "another"}

    def _content(self, at: str, status: str) -> dict[str, Any]:
        if status == "400":
            return {"json": {}}
        if status == "413":
            return {"data": b" " * 2_001, "content_type": "application/json"}
        if status == "415":
            return {"data": b"<a/>", "content_type": "application/xml"}
        return {"json": {"feedback": []} if at.endswith("/feedback") else self.body}


def refuse(patch: pytest.MonkeyPatch, path: str, status: str) -> None:
    """Let a part of the service not answer, or a client have called too often."""
    error = errors.TooManyCalls(7) if status == "429" else errors.TooBusy()

    def refused(*_: Any, **__: Any) -> Any:
        raise error

    if path.startswith("/health"):
        patch.setattr(app, "tables", refused)
    else:
        patch.setattr(Admission, "caller", refused)


ANSWERS = sorted(
    (path, method, status) for path, method in MACHINES for status in API[path][method]["responses"]
)


@pytest.fixture
def calls(whole: Flask, monkeypatch: pytest.MonkeyPatch, hook_body: dict[str, Any]) -> Calls:
    """Calls of the production service."""
    return Calls(whole, monkeypatch, hook_body)


@pytest.mark.parametrize(("path", "method", "status"), ANSWERS)
def test_every_documented_answer_can_be_had_and_has_its_shape(
    calls: Calls, path: str, method: str, status: str
) -> None:
    """Type of content, headers and schema, on the production service."""
    response = calls(path, method, status)
    assert str(response.status_code) == status, response.text
    told = resolved(API[path][method]["responses"][status])
    assert response.mimetype in told["content"]
    for name, header in told.get("headers", {}).items():
        if name in response.headers or header.get("required"):
            assert response.headers[name].isprintable()
    if response.mimetype == "application/json":
        conforms(response.json, told["content"][response.mimetype]["schema"])


def resolved(told: dict[str, Any]) -> dict[str, Any]:
    """The response that a reference names."""
    if "$ref" not in told:
        return told
    found: dict[str, Any] = DOCUMENT["components"]["responses"][told["$ref"].rpartition("/")[2]]
    return found


def conforms(value: Any, schema: dict[str, Any]) -> None:
    """Raise where ``value`` breaks a schema of the document."""
    whole = {"allOf": [schema], "components": DOCUMENT["components"]}
    Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(value)


def test_the_cards_of_a_child_have_the_shape_of_the_document(client: FlaskClient) -> None:
    """With suggestions, links and reasons."""
    body = client.get("/sample-requests/sample-s4-very-early").json
    response = client.post(SERVICE, json=body)
    assert response.json["cards"]
    conforms(response.json, {"$ref": "#/components/schemas/CdsResponse"})


SCHEMA = schemathesis.openapi.from_wsgi("/openapi.json", create_app(Config())).include(tag="hooks")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


@SCHEMA.parametrize()
@settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_generated_calls_get_documented_answers(case: schemathesis.Case) -> None:
    """Right and wrong ones, by schemathesis: no 5xx, documented statuses, shapes and types."""
    case.call_and_validate(checks=CHECKS)
