"""Treatments as read from Procedures: what was done, when, on which side, at what dose.

``completed`` and ``stopped`` were done; ``not-done`` is an explicit no; what is planned,
cancelled or entered in error equals absence. A Procedure counts by when it was performed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from fhir_mappings.codes import CODES
from fhir_mappings.conditions import contradicted, sides_of, words
from fhir_mappings.dates import at_age, days_of, end_of, start_of
from fhir_mappings.doses import delivered_dose, measured_doses
from fhir_mappings.observations import Result
from fhir_mappings.r4 import Procedure
from fhir_mappings.r4_bundle import Held
from fhir_mappings.readings import hull
from relapse_model.amounts import AmountRange
from relapse_model.dates import DateRange
from relapse_model.facts import Remark

_DONE: Final = frozenset({"completed", "stopped"})
_OUTCOMES: Final = frozenset(
    {"active", "inactive", "recurrence", "relapse", "remission", "resolved"}
)
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
_FAMILIES: Final[Mapping[str, tuple[frozenset[str], re.Pattern[str]]]] = {
    "transplantation": (
        frozenset({"hsct_allogeneic", "hsct_autologous", "hsct_unspecified"}),
        re.compile(r"transplant|graft|\bb?[hsp]?sct\b|stem[- ]cell|\bbmt\b", re.IGNORECASE),
    ),
    "radiation": (
        frozenset({"radiotherapy", "radiotherapy_cranial", "radiotherapy_testis", "tbi"}),
        re.compile(r"radiother|radiat|\btbi\b|\brt\b|bestrahl", re.IGNORECASE),
    ),
    "orchiectomy": (ORCHIECTOMY, re.compile(r"orchi[d]?ectom", re.IGNORECASE)),
    "biopsy": (
        frozenset(
            {"testis_biopsy", "testis_biopsy_left", "testis_biopsy_right", "testis_biopsy_both"}
        ),
        re.compile(r"biops", re.IGNORECASE),
    ),
    "laboratory test": (
        frozenset(),
        re.compile(r"\b[rt]?rna\b|\bserolog|\bculture\b|antibod|\bswab\b", re.IGNORECASE),
    ),
}
"""Kinds of procedure whose words cannot stand for each other: code sets and words."""


class Treatment(msgspec.Struct, frozen=True, gc=False):
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
    ended_by: str = "performed[x]"
    """The element that dates it."""
    outcome: frozenset[str] = frozenset()
    """Status of the leukaemia after it (PCSP): ``remission``, ``active`` ..."""

    @property
    def span(self) -> DateRange | None:
        """All days on which it may have gone on, as far as they are known."""
        return hull((self.start, self.end))

    @property
    def done(self) -> bool:
        """Whether it was performed, wholly or in part."""
        return self.status in _DONE


def treatments_of(
    procedures: Iterable[Held[Procedure]],
    results: Sequence[Result],
    birth: DateRange | None,
) -> tuple[tuple[Treatment, ...], tuple[Remark, ...]]:
    """Every Procedure that stands in a code set, and what the reading noticed."""
    treatments: list[Treatment] = []
    remarks: list[Remark] = []
    measured = measured_doses(results)
    for recorded in procedures:
        procedure = recorded.resource
        kinds = _kinds(procedure)
        if procedure.status not in _KNOWN or not kinds:
            if not kinds and CODES.misplaced(procedure.code) & _READ:
                text = "A known code stands under no code system, or under another one."
                remarks.append(Remark("UNREADABLE", text, (recorded.reference,)))
            continue
        if contradicted(procedure.code, kinds) or _names_another(procedure, kinds):
            text = "Code and text of a Procedure contradict each other: it was not used."
            remarks.append(Remark("CODE_TEXT_CONFLICT", text, (recorded.reference,)))
            continue
        dose, fault = delivered_dose(procedure, recorded.reference, measured)
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
                ended_by="performedPeriod" if procedure.performed_period else "performed[x]",
                outcome=words(procedure.outcome) & _OUTCOMES,
                tissue_of=_tissue_sides(procedure, kinds),
                dose=dose,
            )
        )
        if _is_unplaced(procedure) and treatments[-1].start is None:
            text = "The time of a Procedure is not a date."
            remarks.append(Remark("UNREADABLE", text, (recorded.reference,)))
    return tuple(treatments), tuple(remarks)


def _names_another(procedure: Procedure, kinds: frozenset[str]) -> bool:
    """Whether the words of the code name a treatment of another kind, and not its own."""
    text = procedure.code.text if procedure.code else None
    own = {name for name, (sets, _) in _FAMILIES.items() if kinds & sets}
    if not text or not own:
        return False
    named = {name for name, (_, pattern) in _FAMILIES.items() if pattern.search(text)}
    return bool(named) and not named & own


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
