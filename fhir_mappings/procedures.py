"""Treatments as read from Procedures: what was done, when, on which side, at what dose.

``completed`` and ``stopped`` were done; ``not-done`` is an explicit no; what is planned,
cancelled or entered in error equals absence. A Procedure counts by when it was performed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_mappings.codes import CODES
from fhir_mappings.conditions import contradicted, sides_of
from fhir_mappings.dates import at_age, days_of, end_of, start_of
from fhir_mappings.observations import Result
from fhir_mappings.quantities import GRAY, amount_of
from fhir_mappings.r4 import Extension, Procedure, Quantity
from fhir_mappings.record import Recorded
from relapse_model.amounts import AmountRange
from relapse_model.dates import DateRange
from relapse_model.facts import Remark

DOSE: Final = "radiotherapy-dose-delivered-to-volume"
_TOTAL: Final = "totalDoseDelivered"
_DONE: Final = frozenset({"completed", "stopped"})
_KNOWN: Final = _DONE | {"in-progress", "not-done"}
_READ: Final = frozenset(
    name for name, code_set in CODES.sets.items() if code_set.file == "procedures"
)
_BOTH: Final = frozenset({"left", "right"})
_SIDED: Final = {
    "testis_biopsy_left": frozenset({"left"}),
    "testis_biopsy_right": frozenset({"right"}),
    "testis_biopsy_both": _BOTH,
    "orchiectomy_left": frozenset({"left"}),
    "orchiectomy_right": frozenset({"right"}),
    "orchiectomy_both": _BOTH,
}
ORCHIECTOMY: Final = frozenset(
    {"orchiectomy", "orchiectomy_left", "orchiectomy_right", "orchiectomy_both"}
)


@dataclass(frozen=True, slots=True)
class Treatment:
    """One Procedure as read."""

    reference: str
    kinds: frozenset[str]
    """Code sets of code and category; radiotherapy also by the body site it was given to."""
    status: str
    start: DateRange | None
    end: DateRange | None
    """End of the period; the day itself of a Procedure with one date."""
    tissue_of: frozenset[str]
    """Sides of the testis of which it took tissue."""
    dose: AmountRange | None
    """Gy; None where none is stated."""

    @property
    def done(self) -> bool:
        """Whether it was performed, wholly or in part."""
        return self.status in _DONE


def treatments_of(
    procedures: Iterable[Recorded[Procedure]],
    results: Sequence[Result],
    birth: DateRange | None,
) -> tuple[tuple[Treatment, ...], tuple[Remark, ...]]:
    """Every Procedure that stands in a code set, and what the reading noticed."""
    treatments: list[Treatment] = []
    remarks: list[Remark] = []
    measured = _measured(results)
    for recorded in procedures:
        procedure = recorded.resource
        kinds = _kinds(procedure)
        if procedure.status not in _KNOWN or not kinds:
            if not kinds and CODES.misplaced(procedure.code) & _READ:
                text = "A known code stands under no code system, or under another one."
                remarks.append(Remark("UNREADABLE", text, (recorded.reference,)))
            continue
        if contradicted(procedure.code, kinds):
            text = "Code and text of a Procedure contradict each other: it was not used."
            remarks.append(Remark("CODE_TEXT_CONFLICT", text, (recorded.reference,)))
            continue
        told = measured.get(recorded.reference, [])
        dose, fault = _dose([*_delivered(procedure.extension), *told])
        if fault:
            text = f"A radiation dose could not be used: {fault}."
            remarks.append(Remark("UNREADABLE", text, (recorded.reference,)))
        treatments.append(
            Treatment(
                reference=recorded.reference,
                kinds=kinds,
                status=procedure.status or "",
                start=_start(procedure, birth),
                end=end_of(procedure.performed_period) or days_of(procedure.performed_date_time),
                tissue_of=_tissue_sides(procedure, kinds),
                dose=dose,
            )
        )
        if _is_unplaced(procedure) and treatments[-1].start is None:
            text = "The time of a Procedure is not a date."
            remarks.append(Remark("UNREADABLE", text, (recorded.reference,)))
    return tuple(treatments), tuple(remarks)


def _kinds(procedure: Procedure) -> frozenset[str]:
    kinds = CODES.sets_of(procedure.code, procedure.category) & _READ
    if "radiotherapy" in kinds:
        sites = CODES.sets_of(*procedure.body_site)
        kinds |= {"radiotherapy_cranial"} if "site_head" in sites else set()
        kinds |= {"radiotherapy_testis"} if "site_testis" in sites else set()
    return kinds


def _start(procedure: Procedure, birth: DateRange | None) -> DateRange | None:
    return (
        days_of(procedure.performed_date_time)
        or start_of(procedure.performed_period)
        or at_age(procedure.performed_age, birth)
    )


def _is_unplaced(procedure: Procedure) -> bool:
    return bool(procedure.performed_string or procedure.performed_date_time)


def _tissue_sides(procedure: Procedure, kinds: frozenset[str]) -> frozenset[str]:
    sides = frozenset[str]().union(*(_SIDED.get(kind, frozenset()) for kind in kinds))
    if kinds & {"testis_biopsy", "orchiectomy"}:
        sides |= sides_of(procedure.body_site)
    return sides


def _measured(results: Sequence[Result]) -> dict[str, list[Quantity | None]]:
    """Doses of results, by the Procedure that they are part of."""
    doses: dict[str, list[Quantity | None]] = {}
    for result in results:
        if "radiation_dose" in result.sets:
            for reference in result.parts_of:
                doses.setdefault(reference, []).append(result.quantity)
    return doses


def _dose(quantities: Iterable[Quantity | None]) -> tuple[AmountRange | None, str]:
    """The delivered dose in Gy: the largest of several volumes; and why one was refused."""
    amounts = [amount_of(quantity, GRAY) for quantity in quantities]
    read = [amount.interval for amount in amounts if amount.interval is not None]
    fault = next((amount.fault for amount in amounts if amount.fault), "")
    return (max(read, key=lambda dose: dose.low) if read else None), fault


def _delivered(extensions: tuple[Extension, ...]) -> Iterable[Quantity | None]:
    for extension in extensions:
        if (extension.url or "").endswith(DOSE):
            for part in extension.extension:
                if part.url == _TOTAL:
                    yield part.value_quantity
