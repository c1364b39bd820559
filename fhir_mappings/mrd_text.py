"""Levels of residual disease in words: ``<0.01%``, ``5e-5``, ``2 x 10E-4``, ``1E-4``.

A level needs a per cent sign or a power of ten; a bare number has no unit and says nothing.
Two different levels in one text say nothing either.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from fhir_mappings.quantities import interval_of
from relapse_model.amounts import AmountRange

_SUPERSCRIPTS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−–", "0123456789---")  # noqa: RUF001
_NUMBER: Final = r"\d{1,9}(?:\.\d{1,12})?"
_POWER: Final = r"10\s?(?:\^|\*\*|\*|e)?\s?(?P<{}>-\d{{1,2}})"
_COMPARATOR: Final = r"(?P<comparator><=|>=|≤|≥|<|>|less than|below|above|greater than)?\s*"
_LEVEL: Final = re.compile(
    _COMPARATOR
    + r"(?<![\w.,-])(?:"
    + rf"(?P<mantissa>{_NUMBER})\s*[x*·×]\s*{_POWER.format('exponent')}"  # noqa: RUF001
    + rf"|(?P<scientific>{_NUMBER})\s?e\s?(?P<e>-?\d{{1,2}})(?P<percent_e>\s*%)?"
    + rf"|{_POWER.format('power')}"
    + rf"|(?P<percent>{_NUMBER})\s*%"
    + r")(?![\w.,]*\d)",
    re.IGNORECASE,
)
_LIMIT_WORDS: Final = re.compile(
    r"(?:sensitivity|limit of detection|detection limit|\blod\b|\bsens\b\.?|nachweisgrenze)"
    r"[^\d<>≤≥]{0,20}",
    re.IGNORECASE,
)
_COMPARATORS: Final = {
    "≤": "<=",
    "≥": ">=",
    "less than": "<",
    "below": "<",
    "above": ">",
    "greater than": ">",
}
_ONE: Final = Decimal(1)
_LONGEST: Final = 1000
"""Characters: a longer text is a narrative, from which no single level is read."""


def level_of(text: str) -> AmountRange | None:
    """The one level that ``text`` states, apart from the sensitivity it names."""
    plain = _plain(text[: _LONGEST + 1])
    if len(plain) > _LONGEST:
        return None
    span = _sensitivity_span(plain)
    if span is not None:
        plain = f"{plain[: span[0]]} {plain[span[1] :]}"
    levels = {_interval(match) for match in _LEVEL.finditer(plain)}
    return levels.pop() if len(levels) == 1 else None


def sensitivity_of(text: str) -> Decimal | None:
    """The detection limit that ``text`` states, as a fraction."""
    plain = _plain(text[: _LONGEST + 1])
    span = _sensitivity_span(plain)
    found = _LEVEL.search(plain[span[0] : span[1]]) if span is not None else None
    interval = _interval(found) if found else None
    return interval.high or None if interval is not None else None


def _plain(text: str) -> str:
    """One spelling of signs; ``0,01`` is a decimal comma."""
    return re.sub(r"\b0,(\d)", r"0.\1", text.translate(_SUPERSCRIPTS))


def _sensitivity_span(plain: str) -> tuple[int, int] | None:
    """Where ``plain`` names a sensitivity: its words and the level after them."""
    words = _LIMIT_WORDS.search(plain)
    level = _LEVEL.match(plain, words.end()) if words else None
    return (words.start(), level.end()) if words and level else None


def _interval(match: re.Match[str]) -> AmountRange | None:
    found = match.groupdict()
    sign = found["comparator"]
    value = _value(found)
    if value is None:
        return None
    comparator = _COMPARATORS.get(sign.lower(), sign) if sign else None
    return interval_of(value, comparator, _ONE).interval


def _value(found: dict[str, str | None]) -> Decimal | None:
    if found["mantissa"]:
        return Decimal(found["mantissa"]).scaleb(int(found["exponent"] or 0))
    if found["scientific"]:
        value = Decimal(found["scientific"]).scaleb(int(found["e"] or 0))
        if found["scientific"] == "10":
            return None  # "10E-4" is written for 10^-4 as well as for 10 x 10^-4
        return value.scaleb(-2) if found["percent_e"] else value
    if found["power"]:
        return _ONE.scaleb(int(found["power"]))
    return Decimal(found["percent"] or 0).scaleb(-2)
