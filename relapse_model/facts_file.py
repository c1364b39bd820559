"""Facts written by hand: the JSON that ``python -m relapse_model explain`` reads.

    {"as_of": "2026-11-22", "disease": "ALL", "relapse_date": ["2024-02", "2024-03-01"],
     "marrow_blasts": "80", "csf_wbc": "<5", "mrd": [{"taken": "2024-04-20",
     "fraction": "<0.0001", "method": "pcr", "specimen": "marrow"}]}

A list of values means "one of these"; ``{"values": [...], "taken": "2024-03"}`` dates a finding.
What is left out is not known (facts.toml, "silence").
Errors are FactsError and name the field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from itertools import combinations
from typing import Any

from relapse_model.amounts import AmountRange
from relapse_model.dates import partial_date
from relapse_model.errors import FactsError
from relapse_model.facts import Donor, Fact, MrdResult, PatientFacts
from relapse_model.loader import Tables, tables

_AMOUNT = re.compile(r"(<=|>=|<|>)?\s*(\d+(?:\.\d+)?(?:[eE]-?\d{1,3})?)")
_BETWEEN = re.compile(r"(\d+(?:\.\d+)?)\s+to\s+(\d+(?:\.\d+)?)")
METHODS = ("flow", "pcr", "ngs", "fusion_transcript", "unknown")
SPECIMENS = ("marrow", "blood", "other", "unknown")
DONORS = ("sibling", "related", "unrelated", "cord_blood", "haploidentical")
_LESIONS = ("BCR-ABL1", "ETV6-RUNX1", "KMT2A-r", "hypodiploid")
GENETICS = frozenset(
    {"not_reported", "none"}
    | {"+".join(found) for size in range(1, 5) for found in combinations(_LESIONS, size)}
)
"""What the fact ``genetics`` may be: one or more lesions, joined in alphabetical order."""

HAND = ("hand-written",)
"""Evidence of a fact that somebody typed."""


def facts_from(data: Any, today: date | None = None) -> PatientFacts:  # noqa: ANN401 - any JSON
    """PatientFacts from parsed JSON; ``today`` stands in for ``as_of`` when that is left out."""
    if not isinstance(data, Mapping):
        raise FactsError("facts", "is not an object of facts")
    model = tables()
    known = {*model.facts, "as_of", "donors", "relapse_therapy_start"}
    if unknown := sorted(set(data) - known):
        raise FactsError(unknown[0], f"is not a fact; facts are {', '.join(sorted(known))}")
    changes: dict[str, Any] = {}
    for name, value in data.items():
        if name == "as_of":
            continue
        if name == "mrd":
            changes[name] = tuple(_mrd(f"mrd[{i}]", item) for i, item in enumerate(_list(value)))
        elif name == "donors":
            changes[name] = tuple(
                _donor(f"donors[{i}]", item) for i, item in enumerate(_list(value))
            )
        else:
            changes[name] = _fact(name, value, model)
    return PatientFacts(as_of=_as_of(data, today), **changes)


def _as_of(data: Mapping[str, Any], today: date | None) -> date:
    if "as_of" in data:
        return partial_date(_text("as_of", data["as_of"]), "as_of").latest
    if today is None:
        raise FactsError("as_of", "is missing: the day the question is asked")
    return today


def _fact(name: str, value: Any, model: Tables) -> Fact[Any]:  # noqa: ANN401 - any JSON
    taken = None
    if isinstance(value, Mapping):
        if set(value) != {"values", "taken"}:
            raise FactsError(name, "is an object without values and taken, or with more")
        taken = partial_date(_text(f"{name}.taken", value["taken"]), f"{name}.taken")
        value = value["values"]
    texts = [_text(name, item) for item in _list(value)]
    if not texts:
        raise FactsError(name, "is an empty list: leave out what is not known")
    kind = "date" if name == "relapse_therapy_start" else model.facts[name].kind
    values: frozenset[Any]
    if kind == "date":
        values = frozenset(partial_date(text, name) for text in texts)
    elif kind == "amount":
        values = frozenset(amount(text, name) for text in texts)
    else:
        allowed = GENETICS if name == "genetics" else frozenset(model.facts[name].values)
        if strange := sorted(set(texts) - allowed):
            raise FactsError(name, f"has no value {strange[0]!r}; one of {sorted(allowed)}")
        values = frozenset(texts)
    return Fact(values, HAND, taken=taken)


def amount(text: str, field: str) -> AmountRange:
    """Read ``80``, ``<5``, ``<=5``, ``>25``, ``>=25`` or ``1 to 5``; FactsError otherwise."""
    if between := _BETWEEN.fullmatch(text.strip()):
        low, high = (Decimal(number) for number in between.groups())
        if low > high:
            raise FactsError(field, "has its bounds in the wrong order")
        return AmountRange(low, high)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise FactsError(field, "is not an amount such as 80, <5, >=25 or 1 to 5")
    sign, value = match[1], Decimal(match[2])
    if sign in ("<", "<="):
        if sign == "<" and value == 0:
            raise FactsError(field, "is below zero")
        return AmountRange(Decimal(0), value, high_open=sign == "<")
    if sign in (">", ">="):
        return AmountRange(value, None, low_open=sign == ">")
    return AmountRange(value, value)


def _mrd(field: str, row: Any) -> MrdResult:  # noqa: ANN401 - any JSON
    entry = _row(field, row, {"taken", "fraction", "method", "specimen", "text"})
    fraction = entry.get("fraction")
    if "taken" not in entry:
        raise FactsError(f"{field}.taken", "is missing: the day the marrow was taken")
    return MrdResult(
        taken=partial_date(entry["taken"], f"{field}.taken"),
        fraction=None if fraction is None else amount(fraction, f"{field}.fraction"),
        method=_one_of(f"{field}.method", entry.get("method", "unknown"), METHODS),
        specimen=_one_of(f"{field}.specimen", entry.get("specimen", "unknown"), SPECIMENS),
        text=entry.get("text", ""),
        evidence=HAND,
    )


def _donor(field: str, row: Any) -> Donor:  # noqa: ANN401 - any JSON
    entry = _row(field, row, {"kind", "match"})
    kind = _one_of(f"{field}.kind", entry.get("kind", ""), DONORS)
    return Donor(kind=kind, match=entry.get("match", ""), evidence=HAND)


def _row(field: str, row: Any, keys: set[str]) -> dict[str, str]:  # noqa: ANN401 - any JSON
    if not isinstance(row, Mapping):
        raise FactsError(field, "is not an object")
    if unknown := sorted(set(row) - keys):
        raise FactsError(f"{field}.{unknown[0]}", f"is not one of {sorted(keys)}")
    return {key: _text(f"{field}.{key}", value) for key, value in row.items()}


def _one_of(field: str, text: str, allowed: tuple[str, ...]) -> str:
    if text not in allowed:
        raise FactsError(field, f"is {text!r}, not one of {', '.join(allowed)}")
    return text


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    return value if isinstance(value, list) else [value]


def _text(field: str, value: Any) -> str:  # noqa: ANN401 - any JSON
    """Texts and whole numbers; a fraction written as a number would not be exact."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise FactsError(field, "is not a text (write numbers with a point in quotes)")
    return str(value)
