"""JSON for property tests: any value, values that break readers, and R4-shaped resources."""

from __future__ import annotations

import copy
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st
from known_codings import CODINGS

from fhir_mappings import r4

any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
nasty = st.sampled_from(
    [
        "9999-12-31",
        "0001-01-01",
        "2023-02-30",
        "2023-12-31T23:59:59+14:00",
        "1900-01-01",
        "2199-12-31",
        "Patient/sibling",
        "urn:uuid:5",
        "#s",
        "relapse",
        "in-progress",
        "<0.01%",
        "10^-99 1e-99 %",
        "https://[",
        -1,
        0,
        1e300,
        100.5,
        {"value": 5},
        {"start": "2024", "end": "2020"},
        {"end": "2023-07"},
        {"resourceType": None},
        [{"resourceType": "Specimen", "id": "s", "type": 5}],
    ]
)
_WORDS = [
    "final",
    "amended",
    "completed",
    "in-progress",
    "not-done",
    "Patient/child",
    "#s",
    "MRD bone marrow flow",
    "CSF",
    "WBC",
    "<0.01 %",
    "not detected (sensitivity 1E-4)",
    "43,XY,t(9;22)(q34;q11)",
    "2022",
    "2024-03",
    "2024-03-20",
    "2024-03-20T23:00:00-09:00",
    "%",
    "/uL",
    "10*-4",
    "Gy",
    "a",
    "<",
    "relapse",
    "refuted",
    "order",
    "methotrexate",
    "http://hl7.org/fhir/StructureDefinition/condition-assertedDate",
    "",
]
_TYPES: tuple[type[msgspec.Struct], ...] = get_args(r4.DataResource)


def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """``document`` with one element, at any depth, replaced by any JSON value."""
    found = copy.deepcopy(document)
    place: Any = found
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and draw(st.integers(0, 3)):
            place = inner
            continue
        place[key] = draw(any_json | nasty)
        return found


@st.composite
def r4_resource(draw: st.DrawFn) -> dict[str, Any]:
    """A resource of a type that is read, whose elements have the types that FHIR gives them."""
    struct = draw(st.sampled_from(_TYPES))
    found: dict[str, Any] = _filled(draw, struct, 4)
    found["resourceType"] = struct.__name__
    return found


def _filled(draw: st.DrawFn, struct: type[msgspec.Struct], depth: int) -> dict[str, Any]:
    hints = get_type_hints(struct)
    found: dict[str, Any] = {}
    for item in msgspec.structs.fields(struct):
        if draw(st.integers(0, 2)):
            value = _value(draw, hints[item.name], depth)
            if value is not None:
                found[item.encode_name] = value
    return found


def _value(draw: st.DrawFn, kind: Any, depth: int) -> Any:  # noqa: PLR0911 - one line per kind
    if get_origin(kind) in {UnionType, Union}:
        kind = next(item for item in get_args(kind) if item is not type(None))
    if get_origin(kind) is tuple:
        inner = get_args(kind)[0]
        many = [_value(draw, inner, depth) for _ in range(draw(st.integers(0, 2)))]
        return [item for item in many if item is not None]
    if kind is str:
        return draw(st.sampled_from(_WORDS))
    if kind is bool:
        return draw(st.booleans())
    if kind is int:
        return draw(st.integers(0, 9))
    if kind is Decimal:
        return draw(st.sampled_from([0, 0.0001, 0.5, 5, 25, 1800, -3.7]))
    if kind is msgspec.Raw:
        specimen = {"resourceType": "Specimen", "id": "s", "type": {"text": "bone marrow"}}
        return specimen if depth else None
    if kind is r4.Coding:
        return draw(st.sampled_from(CODINGS))
    if depth and isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _filled(draw, kind, depth - 1)
    return None
