"""Conditions as read: which code sets, since when, how certain, on which side.

``entered-in-error`` and ``refuted`` equal absence. ``provisional``, ``unconfirmed`` and
``differential`` leave a thing possible and never prove it; so does a code that its own text
contradicts. Status codes count under any system, because clients leave the system out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from fhir_mappings.codes import CODES
from fhir_mappings.dates import asserted, at_age, days_of, start_of
from fhir_mappings.r4 import BodySite, Concept, Condition, Extension
from fhir_mappings.r4_bundle import Held
from relapse_model.dates import DateRange
from relapse_model.facts import Remark

HISTOLOGY: Final = "mcode-histology-morphology-behavior"
OCCURRED_FOLLOWING: Final = "http://hl7.org/fhir/StructureDefinition/condition-occurredFollowing"
OVER: Final = frozenset({"inactive", "resolved", "remission"})
"""Clinical statuses under which a Condition is not active."""

_ABSENT: Final = frozenset({"entered-in-error", "refuted"})
_POSSIBLE: Final = frozenset({"provisional", "unconfirmed", "differential"})
_LEUKAEMIA: Final = frozenset(name for name in CODES.sets if name.startswith("all"))
_READ: Final = frozenset(
    name for name, code_set in CODES.sets.items() if code_set.file in {"disease", "sites"}
)
_NOT_ALL: Final = re.compile(r"myelo(?:id|blastic|genous)|\baml\b|burkitt", re.IGNORECASE)
_DENIED: Final = re.compile(
    r"\b(?:no evidence of|negative for|history of|rule[d]? out|without)\b", re.IGNORECASE
)
_REMITTED: Final = frozenset({"all_remission", "all_b_remission", "all_t_remission"})
_RELAPSE: Final = re.compile(r"relaps|recurren|rezidiv", re.IGNORECASE)
_REMISSION: Final = re.compile(r"remission", re.IGNORECASE)
_IN_WORDS: Final = re.compile(r"leuk(?:a)?em|lymphoblast", re.IGNORECASE)


class State(msgspec.Struct, frozen=True, gc=False):
    """One Condition as read."""

    reference: str
    sets: frozenset[str]
    start: DateRange | None
    """When it began: onset[x], else the asserted date."""
    dated_by: str
    """The element that says so; empty where nothing does."""
    recorded: DateRange | None
    certain: bool
    """Neither provisional nor contradicted by its own text."""
    confirmed: bool
    """verificationStatus says so in so many words."""
    clinical: str
    follows: bool
    """Extension condition-occurredFollowing: it came after another."""
    sides: frozenset[str]
    """``left``, ``right``, both or none."""
    text: str = ""
    """Words of the code."""

    @property
    def over(self) -> bool:
        """Whether it is no longer active."""
        return self.clinical in OVER


def states_of(
    conditions: Iterable[Held[Condition]], birth: DateRange | None
) -> tuple[tuple[State, ...], tuple[Remark, ...]]:
    """Every Condition that stands in a code set, and what the reading noticed."""
    states: list[State] = []
    remarks: list[Remark] = []
    for recorded in conditions:
        condition = recorded.resource
        if words(condition.verification_status) & _ABSENT:
            continue
        sets = CODES.sets_of(condition.code, *_histology(condition.extension), *condition.body_site)
        if not sets & _READ:
            remarks.extend(_unread_code(recorded))
            continue
        state = _state(recorded, sets, birth)
        if contradicted(condition.code, sets):
            text = "Code and text of a Condition contradict each other."
            remarks.append(Remark("CODE_TEXT_CONFLICT", text, (state.reference,)))
            state = msgspec.structs.replace(state, certain=False, confirmed=False)
        states.append(state)
        remarks.extend(_unread_onset(recorded))
        if _is_hint(sets):
            text = "A code that could not be verified: possible, please confirm."
            remarks.append(Remark("DATA_INCOMPLETE", text, (state.reference,)))
    return tuple(states), tuple(remarks)


def words(*concepts: Concept | None) -> frozenset[str]:
    """The codes of status concepts, under any system."""
    return frozenset(
        coding.code.strip()
        for concept in concepts
        if concept is not None
        for coding in concept.coding
        if coding.code
    )


def text_of(*concepts: Concept | None) -> str:
    """Text and displays of concepts, in one line."""
    parts: list[str] = []
    for concept in concepts:
        if concept is not None:
            parts.append(concept.text or "")
            parts += [coding.display or "" for coding in concept.coding]
    return " ".join(filter(None, parts))


def contradicted(concept: Concept | None, sets: frozenset[str]) -> bool:
    """Whether the words of a coded concept deny what its code says."""
    text = text_of(concept)
    if not text or "history" in sets:
        return False
    if _DENIED.search(text) or (sets & _LEUKAEMIA and _NOT_ALL.search(text)):
        return True
    if "all_relapse" in sets:
        return bool(_REMISSION.search(text)) and not _RELAPSE.search(text)
    return bool(sets & _REMITTED and _RELAPSE.search(text)) and not _REMISSION.search(text)


def sides_of(sites: Iterable[BodySite]) -> frozenset[str]:
    """The sides that body sites name, by qualifier extension or by a coding of their own."""
    found: frozenset[str] = frozenset()
    for site in sites:
        found |= CODES.sets_of(site, *(item.value_codeable_concept for item in site.extension))
    sides = found & {"left", "right"}
    return frozenset({"left", "right"}) if "both_sides" in found else sides


def _state(recorded: Held[Condition], sets: frozenset[str], birth: DateRange | None) -> State:
    condition = recorded.resource
    verification = words(condition.verification_status)
    clinical = words(condition.clinical_status)
    start, dated_by = _start(condition, birth)
    return State(
        reference=recorded.reference,
        sets=sets,
        start=start,
        dated_by=dated_by,
        recorded=days_of(condition.recorded_date),
        certain=not verification & _POSSIBLE and not _is_hint(sets),
        confirmed="confirmed" in verification,
        clinical=min(clinical) if clinical else "",
        follows=any(item.url == OCCURRED_FOLLOWING for item in condition.extension),
        sides=sides_of(condition.body_site),
        text=text_of(condition.code),
    )


def _is_hint(sets: frozenset[str]) -> bool:
    """Whether only codes that a person must confirm say it."""
    return all(name.endswith("_hint") for name in sets & _READ)


def _start(condition: Condition, birth: DateRange | None) -> tuple[DateRange | None, str]:
    """When a Condition began, and the element that says so."""
    if day := days_of(condition.onset_date_time):
        return day, "onsetDateTime"
    if day := start_of(condition.onset_period):
        return day, "onsetPeriod"
    if day := at_age(condition.onset_age, birth):
        return day, "onsetAge"
    if day := asserted(condition.extension):
        return day, "condition-assertedDate"
    return None, ""


def _histology(extensions: tuple[Extension, ...]) -> list[Concept]:
    return [
        item.value_codeable_concept
        for item in extensions
        if item.value_codeable_concept is not None and (item.url or "").endswith(HISTOLOGY)
    ]


def _unread_onset(recorded: Held[Condition]) -> Iterable[Remark]:
    condition = recorded.resource
    stated = condition.onset_date_time or condition.onset_string or condition.onset_age
    read = days_of(condition.onset_date_time) or condition.onset_age
    if stated and not read:
        yield Remark("UNREADABLE", "The onset of a Condition is not a date.", (recorded.reference,))


def _unread_code(recorded: Held[Condition]) -> Iterable[Remark]:
    code = recorded.resource.code
    if CODES.misplaced(code) & _READ:
        yield Remark(
            "UNREADABLE",
            "A known code stands under no code system, or under another one.",
            (recorded.reference,),
        )
    elif _IN_WORDS.search(text_of(code)) and not _DENIED.search(text_of(code)):
        yield Remark(
            "UNREADABLE",
            "A Condition names leukaemia in words, without a code that is known here.",
            (recorded.reference,),
        )
