"""What the code of a result says, read once for all the results of a record that carry it."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from fhir_mappings.codes import CODES
from fhir_mappings.conditions import text_of
from fhir_mappings.r4 import Concept
from fhir_mappings.read_once import ReadOnce
from fhir_mappings.site_codes import MRD

MRD_WORDS: Final = re.compile(
    r"\b(?:mrd|(?:minimal|measurable)\s+residual(?:\s+disease)?|restkrankheit"
    r"|residual\s+(?:blasts|leuk))",
    re.IGNORECASE,
)
_RESULTS: Final = frozenset(
    name for name, code_set in CODES.sets.items() if code_set.file == "results"
)
_IN_WORDS: Final = re.compile(
    r"\bblasts?\b.*(?:marrow|\bbm\b)|(?:marrow|\bbm\b).*\bblasts?\b"
    r"|(?:\bcsf\b|spinal fluid|\bliquor\b).*(?:\bwbc\b|leu[ck]o|\bblasts?\b)",
    re.IGNORECASE,
)
"""Words that name marrow blasts or a CSF cell count."""
_SPECIMENS: Final = (
    (
        "marrow",
        ("marrow", "bm", "km", "knochenmark"),
        re.compile(r"marrow|\bbm\b|\bkm\b|knochenmark", re.IGNORECASE),
    ),
    (
        "blood",
        ("blood", "pb", "blut"),
        re.compile(r"\bblood\b|\bpb\b|\bblut\b", re.IGNORECASE),
    ),
    (
        "csf",
        ("csf", "spinal", "liquor"),
        re.compile(r"\bcsf\b|cerebr\w+\s*spinal|\bliquor\b", re.IGNORECASE),
    ),
)
_MRD_HINTS: Final = ("mrd", "residual", "restkrankheit")
_WORDED_HINTS: Final = ("blast", "csf", "spinal", "liquor")


class ResultCode(NamedTuple):
    """One Observation.code: its sets, its words, and what they give away.

    ``names_mrd``: by the site's own codes or by the words. ``misplaced``: a known test code under
    no system or another one. ``worded``: the words name marrow blasts or CSF cells.
    ``specimens``: those that the words name. ``tells``: a result under it is read, or has to be
    named because it cannot be.
    """

    sets: frozenset[str]
    text: str
    names_mrd: bool
    misplaced: bool
    worded: bool
    specimens: frozenset[str]
    tells: bool


ResultCodes = ReadOnce[Concept | None, ResultCode]


def result_codes() -> ResultCodes:
    """The codes of one record, each read when it is first asked for."""
    return ReadOnce(_result_code)


def named_specimens(text: str) -> frozenset[str]:
    """The specimens that words name: ``marrow``, ``blood``, ``csf``."""
    return frozenset(
        name
        for name, hints, pattern in _SPECIMENS
        if _may_say(text, hints) and pattern.search(text)
    )


def _result_code(code: Concept | None) -> ResultCode:
    sets, text = CODES.sets_of(code), text_of(code)
    names_mrd = MRD in sets or (_may_say(text, _MRD_HINTS) and bool(MRD_WORDS.search(text)))
    known = bool(sets) or names_mrd
    misplaced = not known and bool(CODES.misplaced(code) & _RESULTS)
    worded = not known and _may_say(text, _WORDED_HINTS) and bool(_IN_WORDS.search(text))
    return ResultCode(
        sets=sets,
        text=text,
        names_mrd=names_mrd,
        misplaced=misplaced,
        worded=worded,
        specimens=named_specimens(text),
        tells=known or misplaced or worded,
    )


def _may_say(text: str, words: tuple[str, ...]) -> bool:
    """Whether a search for a pattern is worth it that cannot match without one of ``words``."""
    if not text.isascii():  # letters that fold to others: let the pattern tell
        return True
    lower = text.lower()
    for word in words:  # noqa: SIM110 - any() with a generator takes three times as long
        if word in lower:
            return True
    return False
