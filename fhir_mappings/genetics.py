"""Genetic findings out of subtype codes, variant results and karyotypes in ISCN words.

No result is not a negative result: only when BCR::ABL1 and KMT2A are absent by a result and
the karyotype is not hypodiploid are the findings ``none``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

from fhir_mappings.conditions import State
from fhir_mappings.observations import Result
from fhir_mappings.readings import Reading, fact_of
from relapse_model.facts import Fact

BCR_ABL1: Final = "BCR-ABL1"
ETV6_RUNX1: Final = "ETV6-RUNX1"
KMT2A: Final = "KMT2A-r"
HYPODIPLOID: Final = "hypodiploid"
LARGEST_HYPODIPLOID: Final = 43
"""R-X6: fewer than 44 chromosomes."""

_FINDINGS: Final = (BCR_ABL1, ETV6_RUNX1, KMT2A, HYPODIPLOID)
_SUBTYPES: Final = {"bcr_abl1": BCR_ABL1, "etv6_runx1": ETV6_RUNX1, "kmt2a": KMT2A}
_TRANSLOCATIONS: Final = (
    (BCR_ABL1, re.compile(r"t\(\s*9\s*;\s*22\s*\)|t\(\s*22\s*;\s*9\s*\)")),
    (ETV6_RUNX1, re.compile(r"t\(\s*12\s*;\s*21\s*\)")),
    (
        KMT2A,
        re.compile(
            r"t\(\s*[\dXY]+\s*;\s*11\s*\)\s*\([pq][\d.]+\s*;\s*q23[\d.]*\)"
            r"|t\(\s*11\s*;\s*[\dXY]+\s*\)\s*\(q23[\d.]*\s*;"
        ),
    ),
)
_MODAL: Final = re.compile(r"(?:^|/)\s*(\d{2,3})(?:\s*[~-]\s*(\d{2,3}))?(?:<\w+>)?\s*,\s*[XY]")
_RESISTANT: Final = re.compile(r"t315i|(?:p\.)?[a-z]\d{3}[a-z]\b", re.IGNORECASE)
_FISH: Final = re.compile(r"\bnuc\s+ish\b|\bish\b", re.IGNORECASE)


@dataclass
class _Found:
    """What may be said of each finding: present, absent, or either."""

    present: dict[str, set[bool]] = field(default_factory=dict)
    readings: list[Reading[str]] = field(default_factory=list)

    def say(self, finding: str, *values: bool, source: State | Result) -> None:
        self.present.setdefault(finding, set()).update(values)
        self.readings.append(_reading(frozenset(), source))


def genetics_of(states: Sequence[State], results: Sequence[Result]) -> Fact[str] | None:
    """The sets of findings that may be present; None where nothing was reported."""
    found = _Found()
    for state in states:
        _subtypes(state, found)
    for result in results:
        if "variant" in result.sets:
            _variant(result, found)
        if result.sets & {"karyotype", "iscn_component"}:
            _karyotype(result, found)
    return fact_of(found.readings, _combinations(found.present))


def abl_mutation_of(results: Sequence[Result]) -> Fact[str] | None:
    """``resistant`` where an ABL1 variant is named in words; a PARTIAL test code only hints."""
    readings: list[Reading[str]] = []
    for result in results:
        genes = result.gene_sets & {"gene_abl1", "gene_bcr"}
        own = "variant" in result.sets and genes == {"gene_abl1"}
        hint = "kinase_mutation_hint" in result.sets
        if not (own or hint):
            continue
        said = _mutation(result)
        if said:
            values = frozenset({said, "not_reported"} if hint else {said})
            readings.append(_reading(values, result))
    return fact_of(readings)


def modal_numbers(iscn: str) -> list[range]:
    """The modal chromosome number of each clone of a karyotype: ``43~45,XY`` is 43 to 45."""
    return [
        range(int(low), int(high or low) + 1)
        for low, high in _MODAL.findall(iscn)
        if int(high or low) >= int(low)
    ]


def _mutation(result: Result) -> str:
    words = [result.value_text, *(part.value_string or "" for part in result.members)]
    if any(_RESISTANT.search(text) for text in words):
        return "resistant" if result.polarity != "negative" else "none_found"
    return "none_found" if result.polarity == "negative" else ""


def _reading(values: frozenset[str], source: State | Result) -> Reading[str]:
    if isinstance(source, State):
        return Reading(values, source.reference, "code", source.start)
    return Reading(values, source.reference, source.element, source.when)


def _subtypes(state: State, found: _Found) -> None:
    for name, finding in _SUBTYPES.items():
        if name in state.sets:
            found.say(finding, *((True,) if state.certain else (True, False)), source=state)
    if "ph_negative" in state.sets and state.certain:
        found.say(BCR_ABL1, False, source=state)
    if "hypodiploid_unproven" in state.sets:
        found.say(HYPODIPLOID, True, False, source=state)


def _variant(result: Result, found: _Found) -> None:
    genes = result.gene_sets
    if {"gene_bcr", "gene_abl1"} <= genes:
        finding = BCR_ABL1
    elif {"gene_etv6", "gene_runx1"} <= genes:
        finding = ETV6_RUNX1
    elif "gene_kmt2a" in genes:
        finding = KMT2A
    else:
        return
    if result.polarity:
        found.say(finding, result.polarity == "positive", source=result)


def _karyotype(result: Result, found: _Found) -> None:
    text = result.value_text
    for finding, pattern in _TRANSLOCATIONS:
        if pattern.search(text):
            found.say(finding, True, source=result)
    clones = modal_numbers(text)
    if not clones or _FISH.search(text):
        return
    low = any(numbers.stop - 1 <= LARGEST_HYPODIPLOID for numbers in clones)
    maybe = any(numbers.start <= LARGEST_HYPODIPLOID for numbers in clones)
    values = (True,) if low else (True, False) if maybe else (False,)
    found.say(HYPODIPLOID, *values, source=result)


def _combinations(present: dict[str, set[bool]]) -> Iterable[str]:
    choices = [sorted(present.get(finding, {False})) for finding in _FINDINGS]
    excluded = all(present.get(finding) == {False} for finding in (BCR_ABL1, KMT2A, HYPODIPLOID))
    for chosen in product(*choices):
        names = sorted(name for name, there in zip(_FINDINGS, chosen, strict=True) if there)
        yield "+".join(names) or ("none" if excluded else "not_reported")
