"""What a code of each code system looks like, with its check digit.

A slip of one digit in a code set is a load error, not a silent miss at the bedside.
"""

from __future__ import annotations

import re
from typing import Final

_PATTERNS: Final = {
    "snomed": re.compile(r"[1-9]\d{5,17}"),
    "loinc": re.compile(r"(?:LA)?\d{1,7}-\d"),
    "icd-10": re.compile(r"[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]{1,4})?"),
    "icd-o-3": re.compile(r"[89]\d{3}/[0-9]"),
    "icd-10-pcs": re.compile(r"[0-9A-HJ-NP-Z]{7}"),
    "ncit": re.compile(r"C\d{3,7}"),
    "rxnorm": re.compile(r"[1-9]\d{0,7}"),
    "atc": re.compile(r"[A-Z]\d{2}[A-Z]{2}\d{2}"),
    "hgnc": re.compile(r"HGNC:\d{1,6}"),
    "token": re.compile(r"[A-Za-z][A-Za-z0-9-]*"),
}
_PCS_PREFIX: Final = re.compile(r"[0-9A-HJ-NP-Z]{3,6}")

_DIHEDRAL: Final = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
"""Multiplication in the dihedral group of order ten (J. Verhoeff, 1969)."""
_PERMUTATIONS: Final = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)


def syntax_defect(syntax: str, code: str, *, prefix: bool = False) -> str:
    """What is wrong with ``code`` in the named syntax; empty where nothing is."""
    if prefix:
        matches = syntax == "icd-10-pcs" and _PCS_PREFIX.fullmatch(code)
        return "" if matches else "is not the beginning of an ICD-10-PCS code"
    if not _PATTERNS[syntax].fullmatch(code):
        return f"is not a {syntax} code"
    if syntax == "snomed" and not has_verhoeff_digit(code):
        return "has a wrong check digit (Verhoeff)"
    if syntax == "loinc" and not has_mod10_digit(code):
        return "has a wrong check digit (mod 10)"
    return ""


def has_verhoeff_digit(code: str) -> bool:
    """Whether the last digit of a SNOMED CT identifier is its check digit."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_DIHEDRAL[check][int(_PERMUTATIONS[place % 8][int(digit)])])
    return check == 0


def has_mod10_digit(code: str) -> bool:
    """Whether the digit after the hyphen of a LOINC or LOINC answer code is its check digit.

    The letters of an answer code (``LA``) count as their distance from "0" in ASCII.
    """
    number, _, check = code.partition("-")
    total = 0
    for place, sign in enumerate(reversed(number)):
        value = ord(sign) - ord("0")
        total += sum(divmod(2 * value, 10)) if place % 2 == 0 else value
    return (10 - total % 10) % 10 == int(check)
