"""Contained resources: read only when something points at them, and only the types we read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from fhir_mappings import r4

_CONTAINED: Final = msgspec.json.Decoder(r4.ContainedResource)
_REFUSED: Final = (msgspec.MsgspecError, ValueError, RecursionError)


def contained_resource(
    contained: Iterable[msgspec.Raw], reference: str
) -> r4.ContainedResource | None:
    """The contained resource that ``#id`` names; None where there is none that we read."""
    for raw in contained:
        try:
            found: r4.ContainedResource = _CONTAINED.decode(raw)
        except _REFUSED:
            continue
        if found.id is not None and found.id.removeprefix("#") == reference.removeprefix("#"):
            return found
    return None
