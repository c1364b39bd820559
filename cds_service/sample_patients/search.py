"""FHIR search over the sample patients: the parameters that our own prefetch templates use.

``patient``, ``subject``, ``code`` and ``category`` (lists of ``system|code``), ``_id``, ``_sort``,
``_count``; every other parameter is ignored, as FHIR allows, and left out of the self link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from cds_service.errors import FieldMistyped
from cds_service.sample_patients.samples import Resource

Parameters = Sequence[tuple[str, str]]

READ = frozenset({"patient", "subject", "code", "category", "_id", "_sort", "_count", "_offset"})
_DATES = (
    "effectiveDateTime",
    "onsetDateTime",
    "performedDateTime",
    "performedPeriod",
    "recordedDate",
)


def searchset(
    base: str, resource_type: str, resources: Iterable[Resource], parameters: Parameters
) -> dict[str, Any]:
    """The searchset Bundle of one type-level search; ``base``: URL of the FHIR server.

    Raises FieldMistyped (400) for a ``_count`` or ``_offset`` that is no whole number.
    """
    used = [(name.partition(":")[0], value) for name, value in parameters]
    used = [(name, value) for name, value in used if name in READ]
    found = [item for item in resources if all(_matches(item, *pair) for pair in used)]
    values = dict(used)
    found = _sorted(found, values.get("_sort", ""))
    offset = _whole(values, "_offset", 0)
    count = _whole(values, "_count", len(found))
    page = found[offset : offset + count]
    links = [{"relation": "self", "url": _url(base, resource_type, used)}]
    if count and offset + count < len(found):
        rest = [pair for pair in used if pair[0] != "_offset"]
        rest.append(("_offset", str(offset + count)))
        links.append({"relation": "next", "url": _url(base, resource_type, rest)})
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": links,
    }
    if page:
        bundle["entry"] = [
            {
                "fullUrl": f"{base}/{resource_type}/{item['id']}",
                "resource": item,
                "search": {"mode": "match"},
            }
            for item in page
        ]
    return bundle


def _url(base: str, resource_type: str, parameters: Parameters) -> str:
    query = urlencode(list(parameters))
    return f"{base}/{resource_type}?{query}" if query else f"{base}/{resource_type}"


def _whole(values: Mapping[str, str], name: str, default: int) -> int:
    text = values.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 - an int, shortly
        raise FieldMistyped(name, "a whole number")
    return int(text)


def _matches(resource: Resource, name: str, value: str) -> bool:
    wanted = [part for part in value.split(",") if part]
    if name == "_id":
        return resource["id"] in wanted
    if name in {"patient", "subject"}:
        about = _id_of(resource.get("subject", {}).get("reference", ""))
        if resource["resourceType"] == "Patient":
            about = resource["id"]
        return about in {_id_of(part) for part in wanted}
    if name in {"code", "category"}:
        return any(_has_token(resource.get(name), token) for token in wanted)
    return True


def _id_of(reference: str) -> str:
    return reference.rpartition("/")[2]


def _has_token(concepts: Any, token: str) -> bool:  # noqa: ANN401 - one concept, several, or none
    system, bar, code = token.rpartition("|")
    several = concepts if isinstance(concepts, list) else [concepts or {}]
    return any(
        (not code or coding.get("code") == code) and (not bar or coding.get("system", "") == system)
        for concept in several
        for coding in concept.get("coding", [])
    )


def _sorted(resources: list[Resource], keys: str) -> list[Resource]:
    first = keys.partition(",")[0]
    name = first.removeprefix("-")
    if name not in {"date", "onset-date", "recorded-date", "_id"}:
        return resources
    by = (lambda item: str(item["id"])) if name == "_id" else _date
    return sorted(resources, key=by, reverse=first.startswith("-"))


def _date(resource: Resource) -> str:
    for name in _DATES:
        if value := resource.get(name):
            return str(value["start"] if isinstance(value, dict) else value)
    return ""
