"""Results as read from Observations: their code sets, values, specimen and time.

Components are walked; contained and referenced specimens are resolved. ``final``, ``amended``
and ``corrected`` results count; an amended one replaces what it amends. ``preliminary`` is
shown and never decides; cancelled and entered-in-error results equal absence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from fhir_mappings.codes import CODES
from fhir_mappings.conditions import sides_of, text_of
from fhir_mappings.dates import days_of, span_of
from fhir_mappings.r4 import Component, Concept, Observation, Quantity, Ratio
from fhir_mappings.record import PatientRecord, Recorded, specimen_of
from fhir_mappings.subject import local
from relapse_model.dates import DateRange
from relapse_model.facts import Remark

MRD_WORDS: Final = re.compile(
    r"\b(?:mrd|(?:minimal|measurable)\s+residual(?:\s+disease)?|restkrankheit"
    r"|residual\s+(?:blasts|leuk))",
    re.IGNORECASE,
)
DONORS: Final = frozenset(name for name in CODES.sets if name.startswith("donor_"))
_CSF_PARTS: Final = (
    ("csf_wbc", re.compile(r"\bwbc\b|leu[ck]ocyt", re.IGNORECASE)),
    ("csf_rbc", re.compile(r"\brbc\b|erythrocyt", re.IGNORECASE)),
    ("csf_blasts", re.compile(r"\bblasts?\b", re.IGNORECASE)),
)
"""Components of a CSF panel that carry words alone."""
_FINAL: Final = frozenset({"final", "amended", "corrected"})
_AMENDING: Final = frozenset({"amended", "corrected"})
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
_SPECIMENS: Final = {"site_marrow": "marrow", "site_blood": "blood", "site_csf": "csf"}
_SPECIMEN_WORDS: Final = (
    ("marrow", re.compile(r"marrow|\bbm\b|\bkm\b|knochenmark", re.IGNORECASE)),
    ("blood", re.compile(r"\bblood\b|\bpb\b|\bblut\b", re.IGNORECASE)),
    ("csf", re.compile(r"\bcsf\b|cerebr\w+\s*spinal|\bliquor\b", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Result:
    """One Observation, or one component of it, as read."""

    reference: str
    sets: frozenset[str]
    """Sets of the code."""
    codes: frozenset[tuple[str, str]]
    """(system, code) as sent, for a site's own code list."""
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


def results_of(
    record: PatientRecord, as_of: date, mrd_codes: frozenset[tuple[str, str]]
) -> tuple[tuple[Result, ...], tuple[Remark, ...]]:
    """Every result that a fact is read from, and what the reading noticed."""
    read = [item for item in record.observations if _is_read(item.resource, mrd_codes)]
    shown = [item.reference for item in read if item.resource.status in _SHOWN]
    remarks: list[Remark] = []
    if shown:
        remarks.append(
            Remark("DATA_INCOMPLETE", "Results that are not final were not used.", tuple(shown))
        )
    results = [
        result
        for item in _standing([item for item in read if item.resource.status in _FINAL])
        for result in _results(item, record, as_of)
    ]
    return tuple(results), tuple(remarks)


def _is_read(observation: Observation, mrd_codes: frozenset[tuple[str, str]]) -> bool:
    code = observation.code
    if code is None:
        return False
    if CODES.sets_of(code) or MRD_WORDS.search(text_of(code)):
        return True
    if mrd_codes and _sent(code) & mrd_codes:
        return True
    if CODES.sets_of(observation.value_codeable_concept) & DONORS:
        return True
    if observation.component and "csf" in _named(text_of(observation.code)):
        return True
    return any(CODES.sets_of(component.code) for component in observation.component)


def _standing(items: Sequence[Recorded[Observation]]) -> list[Recorded[Observation]]:
    """What stands after amendments: an amended result replaces the one it amends.

    It amends what shares its code and an identifier; where one of the two has no identifier,
    what shares its code, words and day. Of several amended ones the last issued stands.
    """
    issued: dict[tuple[object, ...], str] = {}
    for item in items:
        observation = item.resource
        if observation.status in _AMENDING:
            own = (
                *_by_identifier(observation),
                _by_day(observation, identified=bool(observation.identifier)),
            )
            for key in own:
                issued[key] = max(issued.get(key, ""), observation.issued or "")
    return [item for item in items if not _is_replaced(item.resource, issued)]


def _is_replaced(observation: Observation, issued: dict[tuple[object, ...], str]) -> bool:
    keys = [*_by_identifier(observation), _by_day(observation, identified=False)]
    if not observation.identifier:
        keys.append(_by_day(observation, identified=True))
    found = [issued[key] for key in keys if key in issued]
    if observation.status in _AMENDING:
        return any(stamp > (observation.issued or "") for stamp in found)
    return bool(found)


def _by_identifier(observation: Observation) -> list[tuple[object, ...]]:
    code = _sent(observation.code)
    return [(code, identifier) for identifier in observation.identifier]


def _by_day(observation: Observation, *, identified: bool) -> tuple[object, ...]:
    """Code, words and day of a result, and whether the amending one has an identifier."""
    day = days_of(observation.effective_date_time)
    return (_sent(observation.code), text_of(observation.code), day, identified)


def _results(item: Recorded[Observation], record: PatientRecord, as_of: date) -> Iterable[Result]:
    observation = item.resource
    specimen = _specimen(observation, record)
    own = [_part_sets(component, specimen) for component in observation.component]
    genes = CODES.sets_of(
        *(
            component.value_codeable_concept
            for component, sets in zip(observation.component, own, strict=True)
            if "gene_studied" in sets
        )
    )

    def result(part: Observation | Component, sets: frozenset[str], text: str) -> Result:
        coded = CODES.sets_of(part.value_codeable_concept)
        return Result(
            reference=item.reference,
            sets=sets,
            codes=_sent(part.code),
            text=text,
            when=_when(observation, as_of),
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
        )

    yield result(observation, CODES.sets_of(observation.code), text_of(observation.code))
    for component, sets in zip(observation.component, own, strict=True):
        if sets:
            yield result(component, sets, text_of(observation.code, component.code))


def _part_sets(component: Component, specimen: str) -> frozenset[str]:
    """Sets of a component; by its words where it has no code and the panel is of CSF."""
    code = component.code
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


def _specimen(observation: Observation, record: PatientRecord) -> str:
    """The specimen by Specimen and bodySite, else by the words of the code."""
    concept = specimen_of(observation, record)
    stated = {
        name
        for key, name in _SPECIMENS.items()
        if key in CODES.sets_of(concept, observation.body_site)
    }
    stated |= _named(text_of(concept, observation.body_site))
    if not stated and concept is not None and (concept.coding or concept.text):
        return "other"
    found = stated | _named(text_of(observation.code))
    if not found:
        return "unknown"
    return min(found) if len(found) == 1 else "conflict"


def _named(text: str) -> set[str]:
    return {name for name, pattern in _SPECIMEN_WORDS if pattern.search(text)}


def _sent(concept: Concept | None) -> frozenset[tuple[str, str]]:
    return frozenset(
        (coding.system.strip(), coding.code.strip())
        for coding in (concept.coding if concept else ())
        if coding.system and coding.code
    )
