"""Results as read from Observations: their code sets, values, specimen and time.

Components and members are walked; contained and referenced specimens are resolved. ``final``,
``amended`` and ``corrected`` results count; an amended one replaces what it amends.
``preliminary`` is shown and never decides; cancelled and entered-in-error results equal absence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec

from fhir_mappings.amendments import standing
from fhir_mappings.codes import CODES
from fhir_mappings.conditions import sides_of, text_of
from fhir_mappings.dates import days_of, span_of
from fhir_mappings.panels import Member, members_of
from fhir_mappings.r4 import Component, Concept, Observation, Quantity, Ratio
from fhir_mappings.r4_bundle import Held
from fhir_mappings.readings import cited
from fhir_mappings.record import PatientRecord
from fhir_mappings.result_codes import ResultCode, ResultCodes, named_specimens, result_codes
from fhir_mappings.specimens import specimen_of
from fhir_mappings.subject import local
from relapse_model.dates import DateRange
from relapse_model.facts import Remark

DONORS: Final = frozenset(name for name in CODES.sets if name.startswith("donor_"))
_CSF_PARTS: Final = (
    ("csf_wbc", re.compile(r"\bwbc\b|leu[ck]ocyt", re.IGNORECASE)),
    ("csf_rbc", re.compile(r"\brbc\b|erythrocyt", re.IGNORECASE)),
    ("csf_blasts", re.compile(r"\bblasts?\b", re.IGNORECASE)),
)
"""Components of a CSF panel that carry words alone."""
_FINAL: Final = frozenset({"final", "amended", "corrected"})
_SHOWN: Final = frozenset({"preliminary", "registered", "unknown"})
_NEGATIVE: Final = re.compile(
    r"\b(?:not\s+(?:seen|detected|detectable|identified|present|found)|undetect\w*|negativ\w*"
    r"|absent|none|nicht\s+nachweisbar"
    r"|no\s+(?:\w+\s+)?(?:blasts?|leuk\w*|malignan\w*|evidence)(?:\s+(?:cells?|were|was))*"
    r"(?:\s+(?:seen|detected|identified|found|present))?)",
    re.IGNORECASE,
)
_POSITIVE: Final = re.compile(
    r"\b(?:positiv\w*|seen|detected|present|identified|found)\b", re.IGNORECASE
)


class Result(msgspec.Struct, frozen=True, gc=False):
    """One Observation, or one component of it, as read."""

    reference: str
    sets: frozenset[str]
    """Sets of the code."""
    text: str
    """Words of the code."""
    when: DateRange | None
    quantity: Quantity | None
    value_sets: frozenset[str]
    """Sets of a coded value, or of the interpretation where there is no coded value."""
    value_text: str
    ratio: Ratio | None
    boolean: bool | None
    absent: bool
    """dataAbsentReason instead of a value."""
    specimen: str
    """``marrow``, ``blood``, ``csf``, ``other``, ``conflict`` or ``unknown``."""
    method: str
    sides: frozenset[str]
    parts_of: frozenset[str]
    members: tuple[Component, ...]
    gene_sets: frozenset[str]
    element: str
    """The element that holds the value: ``valueQuantity``, ``component.valueString``."""

    @property
    def polarity(self) -> str:
        """``positive``, ``negative`` or empty, from coded value, boolean or words."""
        coded = self.value_sets & {"positive", "negative"}
        if coded:
            return min(coded) if len(coded) == 1 else ""
        if self.boolean is not None:
            return "positive" if self.boolean else "negative"
        return polarity_of(self.value_text)


def polarity_of(text: str) -> str:
    """``positive`` or ``negative`` by the words of ``text``; empty where they do not tell."""
    rest, denials = _NEGATIVE.subn(" ", text)
    affirmed = bool(_POSITIVE.search(rest))
    if denials and not affirmed:
        return "negative"
    return "positive" if affirmed and not denials else ""


def results_of(record: PatientRecord, as_of: date) -> tuple[tuple[Result, ...], tuple[Remark, ...]]:
    """Every result that a fact is read from, and what the reading noticed."""
    codes = result_codes()
    read: list[Member] = []
    unread: list[Member] = []
    for member in members_of(record.observations, codes):
        (read if _is_read(member, codes) else unread).append(member)
    shown = [member.item.reference for member in read if member.item.resource.status in _SHOWN]
    remarks: list[Remark] = []
    if shown:
        text = "Results that are not final were not used."
        remarks.append(Remark("DATA_INCOMPLETE", text, cited(shown)))
    remarks += _not_read(unread, codes)
    panels = {id(member.item): member.panel for member in read}
    final = [member.item for member in read if member.item.resource.status in _FINAL]
    results = [
        result
        for item in standing(final)
        for result in _results(item, codes[item.resource.code], panels[id(item)], record, as_of)
    ]
    return tuple(results), tuple(remarks)


def _is_read(member: Member, codes: ResultCodes) -> bool:
    observation = member.item.resource
    code = codes[observation.code]
    if observation.code is None:
        return False
    if code.sets or code.names_mrd:
        return True
    value = observation.value_codeable_concept
    if value is not None and CODES.sets_of(value) & DONORS:
        return True
    if (
        member.panel
        and "csf" in named_specimens(member.panel)
        and _part_sets(observation.code, "csf")
    ):
        return True
    if not observation.component:
        return False
    return "csf" in code.specimens or any(
        CODES.sets_of(component.code) for component in observation.component
    )


def _not_read(unread: Iterable[Member], codes: ResultCodes) -> Iterator[Remark]:
    """Final results that name a known test, but not by a code under its system."""
    misplaced, worded = [], []
    for member in unread:
        observation = member.item.resource
        code = codes[observation.code]
        if not (code.misplaced or code.worded) or observation.status not in _FINAL:
            continue
        if code.misplaced:
            misplaced.append(member.item.reference)
        elif _has_value(observation):
            worded.append(member.item.reference)
    if misplaced:
        text = "A known test code stands under no code system, or under another one."
        yield Remark("UNREADABLE", text, cited(misplaced))
    if worded:
        text = "A result names marrow blasts or CSF cells in words, without a code known here."
        yield Remark("UNREADABLE", text, cited(worded))


def _has_value(observation: Observation) -> bool:
    return bool(
        observation.value_quantity
        or observation.value_codeable_concept
        or observation.value_string
        or observation.value_ratio
    )


def _results(
    item: Held[Observation], code: ResultCode, panel: str, record: PatientRecord, as_of: date
) -> Iterable[Result]:
    observation = item.resource
    text = f"{panel} {code.text}".strip()
    specimen = specimen_of(observation, named_specimens(text) if panel else code.specimens, record)
    when = _when(observation, as_of)
    own = [_part_sets(component.code, specimen) for component in observation.component]
    genes = CODES.sets_of(
        *(
            component.value_codeable_concept
            for component, sets in zip(observation.component, own, strict=True)
            if "gene_studied" in sets
        )
    )

    def result(
        part: Observation | Component, sets: frozenset[str], text: str, place: str = ""
    ) -> Result:
        coded = CODES.sets_of(part.value_codeable_concept)
        return Result(
            reference=item.reference,
            sets=sets,
            text=text,
            when=when,
            quantity=part.value_quantity,
            value_sets=coded or CODES.sets_of(*part.interpretation),
            value_text=part.value_string or text_of(part.value_codeable_concept),
            ratio=part.value_ratio,
            boolean=part.value_boolean,
            absent=part.data_absent_reason is not None,
            specimen=specimen,
            method=text_of(observation.method),
            sides=sides_of((observation.body_site,) if observation.body_site else ()),
            parts_of=frozenset(local(ref.reference or "") for ref in observation.part_of),
            members=observation.component,
            gene_sets=genes,
            element=place + _element(part),
        )

    sets = code.sets
    if panel and "csf" in named_specimens(panel):
        sets |= _part_sets(observation.code, specimen)
    yield result(observation, sets, text)
    for component, parts in zip(observation.component, own, strict=True):
        if parts:
            words = text_of(observation.code, component.code)
            yield result(component, parts, words, "component.")


def _element(part: Observation | Component) -> str:
    named = {
        "valueQuantity": part.value_quantity,
        "valueCodeableConcept": part.value_codeable_concept,
        "valueString": part.value_string,
        "valueRatio": part.value_ratio,
        "valueBoolean": part.value_boolean,
        "interpretation": part.interpretation,
    }
    return next((name for name, value in named.items() if value not in (None, ())), "code")


def _part_sets(code: Concept | None, specimen: str) -> frozenset[str]:
    """Sets of a part; by its words where it has no code and the panel is of CSF."""
    if specimen != "csf" or code is None or code.coding:
        return CODES.sets_of(code)
    named = [name for name, pattern in _CSF_PARTS if pattern.search(code.text or "")]
    return frozenset(named) if len(named) == 1 else frozenset()


def _when(observation: Observation, as_of: date) -> DateRange | None:
    return (
        days_of(observation.effective_date_time)
        or days_of(observation.effective_instant)
        or span_of(observation.effective_period, as_of)
    )
