"""A read-only FHIR R4 server over the sample patients, for development.

So that the public CDS Hooks Sandbox, or any client, can be pointed at this process alone. What
the sandbox calls: ``metadata``, ``Patient``, ``Patient/{id}``, ``Condition?patient=``, the prefetch
reads by GET and the prefetch searches by ``POST {type}/_search``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import msgspec
from flask import Blueprint, Response, request
from werkzeug.datastructures import MultiDict

from cds_service.answers import FHIR_JSON
from cds_service.body_errors import UnsupportedMedia
from cds_service.config import Config
from cds_service.discovery import HOOK
from cds_service.errors import NotFound, UnknownSample
from cds_service.health import software_version
from cds_service.sample_patients.samples import Resource, Sample, samples
from cds_service.sample_patients.search import READ, searchset
from fhir_mappings.queries import prefetch_templates

_FORM = "application/x-www-form-urlencoded"
_RELEASED = "2026-11-22"

ByType = Mapping[str, Mapping[str, Resource]]


def sample_fhir(config: Config) -> Blueprint:
    """The routes under ``/fhir``, and ``/sample-requests/{patient}``; everything read once."""
    children = samples()
    by_type = resources_by_type(children)
    metadata = msgspec.json.encode(capability_statement(by_type, f"{config.base_url}/fhir"))
    routes = Blueprint("sample_fhir", __name__)

    @routes.get("/fhir/metadata")
    def _metadata() -> Response:
        return Response(metadata, mimetype=FHIR_JSON)

    @routes.get("/fhir/<resource_type>")
    def _search(resource_type: str) -> Response:
        return _fhir(found(by_type, resource_type, pairs(request.args)))

    @routes.post("/fhir/<resource_type>/_search")
    def _search_by_post(resource_type: str) -> Response:
        if request.mimetype not in {"", _FORM}:
            raise UnsupportedMedia(f"Content-Type must be {_FORM}.")
        return _fhir(found(by_type, resource_type, pairs(request.values)))

    @routes.get("/fhir/<resource_type>/<resource_id>")
    def _read(resource_type: str, resource_id: str) -> Response:
        resource = by_type.get(resource_type, {}).get(resource_id)
        if resource is None:
            raise UnknownSample
        return _fhir(resource)

    @routes.get("/sample-requests/<patient_id>")
    def _request(patient_id: str) -> Response:
        if patient_id not in children:
            raise UnknownSample
        body = msgspec.json.encode(sample_request(by_type, patient_id, _base()))
        return Response(body, mimetype="application/json")

    return routes


def resources_by_type(children: Mapping[str, Sample]) -> ByType:
    """All sample resources by type and id; types that we ask for and no child has are there too."""
    queries = prefetch_templates().values()
    asked = sorted(query.partition("?")[0].partition("/")[0] for query in queries)
    by_type: dict[str, dict[str, Resource]] = {name: {} for name in asked}
    for child in children.values():
        for resource in child.resources:
            by_type.setdefault(resource["resourceType"], {})[resource["id"]] = resource
    return by_type


def sample_request(by_type: ByType, patient_id: str, base: str) -> dict[str, Any]:
    """A whole patient-view request for one child, prefetch included: what an EHR would post."""
    return {
        "hook": HOOK,
        "hookInstance": str(uuid4()),
        "fhirServer": base,
        "context": {"userId": "Practitioner/sample-clinician", "patientId": patient_id},
        "prefetch": {
            key: prefetch_value(by_type, template, patient_id, base)
            for key, template in prefetch_templates().items()
        },
    }


def prefetch_value(by_type: ByType, template: str, patient_id: str, base: str) -> dict[str, Any]:
    """The read or search of one prefetch template, as this server answers it."""
    query = template.replace("{{context.patientId}}", patient_id)
    resource_type, asks, parameters = query.partition("?")
    if asks:
        pairs = [pair.partition("=") for pair in parameters.split("&")]
        return found(by_type, resource_type, [(name, value) for name, _, value in pairs], base)
    resource_type, _, resource_id = query.partition("/")
    return by_type[resource_type][resource_id]


def capability_statement(by_type: ByType, base: str) -> dict[str, Any]:
    """The R4 CapabilityStatement: read and search of each type, and the parameters that count."""
    searches = [
        {"name": name, "type": "reference" if name in {"patient", "subject"} else "token"}
        for name in sorted(READ)
        if name not in {"_sort", "_count", "_offset"}
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _RELEASED,
        "kind": "instance",
        "software": {"name": "relapsed-all-cds sample patients", "version": software_version()},
        "implementation": {"description": "Invented patients, read-only", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [
            {
                "mode": "server",
                "resource": [
                    {
                        "type": name,
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "searchParam": searches,
                    }
                    for name in sorted(by_type)
                ],
            }
        ],
    }


def pairs(parameters: MultiDict[str, str]) -> list[tuple[str, str]]:
    """Every parameter with every value of it."""
    return [(name, value) for name in parameters for value in parameters.getlist(name)]


def _base() -> str:
    return f"{request.host_url.rstrip('/')}/fhir"


def found(
    by_type: ByType, resource_type: str, parameters: list[tuple[str, str]], base: str = ""
) -> dict[str, Any]:
    """The searchset of one search; ``base``: URL of the server. Raises NotFound for a type."""
    if resource_type not in by_type:
        raise NotFound("This sample server has no resources of this type; see GET /fhir/metadata.")
    resources = by_type[resource_type].values()
    return searchset(base or _base(), resource_type, resources, parameters)


def _fhir(content: Resource) -> Response:
    return Response(msgspec.json.encode(content), mimetype=FHIR_JSON)
