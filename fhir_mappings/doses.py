"""Delivered radiation doses: the ways in which FHIR profiles write one.

mCODE: extension ``radiotherapy-dose-delivered-to-volume`` with ``totalDoseDelivered``. MII:
extension ``...bestrahlung`` with ``Gesamtdosis``, the unit code often in ``unit``. PCSP: extension
``...relatedInfo`` that points at an Observation; others: an Observation that is ``partOf`` it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fhir_mappings.observations import Result
from fhir_mappings.quantities import GRAY, amount_of
from fhir_mappings.r4 import Extension, Procedure, Quantity
from fhir_mappings.subject import local
from relapse_model.amounts import AmountRange

_MCODE: Final = "radiotherapy-dose-delivered-to-volume"
_TOTALS: Final = ("totaldosedelivered", "gesamtdosis")
_MII: Final = "bestrahlung"
_RELATED: Final = "relatedinfo"

Measured = dict[str, list[Quantity | None]]


def measured_doses(results: Sequence[Result]) -> Measured:
    """Doses of results, by the Procedure they are part of and by their own reference."""
    doses: Measured = {}
    for result in results:
        if "radiation_dose" in result.sets:
            for reference in {*result.parts_of, result.reference}:
                doses.setdefault(reference, []).append(result.quantity)
    return doses


def delivered_dose(
    procedure: Procedure, reference: str, measured: Measured
) -> tuple[AmountRange | None, str]:
    """The dose in Gy, the largest of several volumes; and why one was refused."""
    related = _related(procedure.extension)
    told = [quantity for name in (reference, *related) for quantity in measured.get(name, [])]
    amounts = [amount_of(quantity, GRAY) for quantity in [*_written(procedure.extension), *told]]
    read = [amount.interval for amount in amounts if amount.interval is not None]
    fault = next((amount.fault for amount in amounts if amount.fault), "")
    return (max(read, key=lambda dose: dose.low) if read else None), fault


def _written(extensions: tuple[Extension, ...]) -> Iterable[Quantity | None]:
    for extension in extensions:
        url = (extension.url or "").lower()
        if url.endswith("gesamtdosis"):
            yield extension.value_quantity
        elif url.endswith(_MCODE) or _MII in url:
            for part in extension.extension:
                if (part.url or "").lower().endswith(_TOTALS):
                    yield part.value_quantity


def _related(extensions: tuple[Extension, ...]) -> set[str]:
    return {
        local(extension.value_reference.reference)
        for extension in extensions
        if (extension.url or "").lower().endswith(_RELATED)
        and extension.value_reference is not None
        and extension.value_reference.reference
    }
