"""The one import of fhir.resources: what is wrong with a resource, and what we emit.

The typed decode (``r4``) only says that it refuses a resource. The model of FHIR R4B names the
element and the defect. The import costs about 0.4 s and 16 MB, so it happens on the first refused
resource, or at start where a draft was changed since it was validated (``emitted``).

No text from here repeats a value of the resource: only element paths and kinds of error.
"""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

from fhir_mappings.errors import UnknownResourceError

LARGEST_NAMED: Final = 100_000
"""Bytes: the fault of a larger resource is not looked up."""

_MOST_FAULTS: Final = 3
_STUMBLES: Final = (ValueError, TypeError, LookupError, AttributeError)
_ELEMENT = re.compile(r"[A-Za-z_]{1,64}")
_UNNAMED: Final = "is not the FHIR R4 resource it says it is"
_KINDS: Final = {
    "missing": "is missing",
    "extra_forbidden": "is not an element of FHIR R4",
    "too_long": "has too many members",
    "json_invalid": "is not an object",  # fhir.resources reads text in its place as JSON
    "model_type": "is not an object",
    "dict_type": "is not an object",
    "list_type": "is not an array",
    "string_type": "is not a string",
    "bool_type": "is neither true nor false",
    "bool_parsing": "is neither true nor false",
    "decimal_type": "is not a number",
    "decimal_parsing": "is not a number",
    "int_type": "is not a whole number",
    "int_parsing": "is not a whole number",
}


def model(resource_type: str) -> Any:  # noqa: ANN401 - a pydantic class made at import
    """The fhir.resources R4B class of ``resource_type``.

    Raises UnknownResourceError for a type that FHIR R4B does not have.
    """
    try:
        return importlib.import_module("fhir.resources.R4B").get_fhir_model_class(resource_type)
    except (KeyError, LookupError, ImportError, ValueError) as error:
        raise UnknownResourceError("no such resource type in FHIR R4B") from error


def built(content: dict[str, Any]) -> dict[str, Any]:
    """``content`` as the FHIR R4B JSON object that it validates to.

    For resources that we emit. Raises ValueError (pydantic's) where it is not valid.
    """
    resource = model(str(content.get("resourceType"))).model_validate(content)
    return dict(resource.model_dump(mode="json", exclude_none=True))


def fault(resource_type: str, raw: bytes) -> str:
    """Element paths and kinds of the errors of one refused resource (JSON bytes).

    Never raises and never repeats a value: ``Observation.valueQuantity.value: is not a number``.
    """
    named = _named(resource_type, raw) if len(raw) <= LARGEST_NAMED else []
    return "; ".join(named[:_MOST_FAULTS]) or _UNNAMED


def _named(resource_type: str, raw: bytes) -> list[str]:
    try:
        model(resource_type).model_validate_json(raw)
    except UnknownResourceError:
        return []
    except RecursionError:
        return ["is nested too deeply"]
    except _STUMBLES as error:
        # fhir.resources also stumbles over what it should refuse: a contained resource whose
        # resourceType is null is a TypeError, one of an unknown type a KeyError.
        errors = getattr(error, "errors", None)
        if errors is None:
            return []
        found = errors(include_url=False, include_context=False, include_input=False)
        return sorted({_sentence(resource_type, item) for item in found})
    return []


def _sentence(resource_type: str, item: dict[str, Any]) -> str:
    kind = str(item.get("type", ""))
    location = list(item.get("loc", ()))
    if kind == "extra_forbidden":
        location = [*location[:-1], "(an element)"]
    path = ".".join(_step(step) for step in location)
    return f"{resource_type}.{path}: {_KINDS.get(kind, kind)}"


def _step(step: object) -> str:
    text = str(step)
    return text if text == "(an element)" or _ELEMENT.fullmatch(text) or text.isdecimal() else "?"
