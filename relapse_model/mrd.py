"""MRD class from the results on record (clinical model section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from relapse_model.amounts import AmountRange
from relapse_model.dates import DateRange
from relapse_model.facts import MrdResult, PatientFacts
from relapse_model.loader import Tables
from relapse_model.table import Rule

USABLE_METHODS = frozenset({"flow", "pcr", "ngs"})
"""R-M3: molecular (Ig/TCR) or flow as in the article; NGS came after 2012."""

_USABLE = ("poor", "borderline", "good")
_WORST_FIRST = (*_USABLE, "indeterminate", "missing")
"""Classes of a time point; results of which none is usable are indeterminate."""


@dataclass(frozen=True, slots=True)
class MrdClass:
    """The class, the flags that explain it, and the rows that gave it."""

    value: str
    flags: frozenset[str]
    fired: tuple[tuple[str, Rule], ...]


def mrd_class(facts: PatientFacts, tables: Tables) -> MrdClass:
    """Class of all marrow results of the relapse; ``pending`` when there is none to use."""
    results = [item for item in facts.mrd if item.specimen in ("marrow", "unknown")]
    if not results:
        return _class_of((_NO_RESULT,), tables)
    start, flags = _start(facts)
    found = _class_of(tuple(_columns(results, start, tables)), tables)
    flags |= found.flags | _value_flags(results, found.value, tables)
    return MrdClass(found.value, flags, found.fired)


@lru_cache(maxsize=1_000)
def _class_of(columns: tuple[_Columns, ...], tables: Tables) -> MrdClass:
    """The class that the columns give, whatever the results were."""
    rules = dict.fromkeys(
        tables.decision["mrd"].rule(tp1=tp1, tp2=tp2, off_window=off_window)
        for tp1, tp2, off_window in columns
    )
    classes = {rule.then["mrd"] for rule in rules}
    return MrdClass(
        classes.pop() if len(classes) == 1 else "indeterminate",
        frozenset.intersection(*(frozenset(rule.flags) for rule in rules)),
        tuple(("mrd", rule) for rule in rules),
    )


def result_class(result: MrdResult, tables: Tables) -> str:
    """Class of one result: good, borderline, poor or indeterminate (R-M5, R-M8)."""
    if (
        result.fraction is None
        or result.method not in USABLE_METHODS
        or result.specimen != "marrow"
    ):
        return "indeterminate"
    limit = tables.limit("mrd_fraction")
    near = tables.limit("mrd_equality_tolerance")
    return _interval_class(result.fraction, limit, near)


def why_unused(result: MrdResult) -> str:
    """Why a result cannot be used for the class (R-M1 to R-M5); empty when it can."""
    if result.specimen != "marrow":
        return "not used: not known to be bone marrow"
    if result.method not in USABLE_METHODS:
        return "not used: method not stated, or not comparable"
    if result.fraction is None:
        return "not used: unit or sensitivity missing"
    return ""


def time_points(result: MrdResult, facts: PatientFacts, tables: Tables) -> tuple[str, ...]:
    """The time points a result may belong to: ``early``, ``tp1``, ``off_window`` or ``tp2``."""
    return _slots(result, _start(facts)[0], tables)


def _interval_class(fraction: AmountRange, limit: Decimal, near: Decimal) -> str:
    low, high = fraction.low, fraction.high
    touches_low = abs(low - limit) <= near
    touches_high = high is not None and abs(high - limit) <= near
    if high is not None and (high < limit - near or (touches_high and fraction.high_open)):
        return "good"
    if low > limit + near or (touches_low and fraction.low_open):
        return "poor"
    if touches_low or touches_high:
        return "borderline"
    return "indeterminate"


def _start(facts: PatientFacts) -> tuple[list[DateRange], frozenset[str]]:
    """Start of relapse therapy, else the relapse itself, flagged."""
    if facts.relapse_therapy_start is not None:
        return sorted(facts.relapse_therapy_start.values), frozenset()
    return sorted(facts.relapse_date.values), frozenset({"WEEKS_FROM_RELAPSE"})


def _slots(result: MrdResult, start: Iterable[DateRange], tables: Tables) -> tuple[str, ...]:
    """The time points the result may belong to: tp1, tp2, off_window or early."""
    windows = (
        ("early", None, tables.whole("tp1_first_day") - 1),
        ("tp1", tables.whole("tp1_first_day"), tables.whole("tp1_last_day")),
        ("off_window", tables.whole("tp1_last_day") + 1, tables.whole("tp2_first_day") - 1),
        ("tp2", tables.whole("tp2_first_day"), tables.whole("tp2_last_day")),
        ("off_window", tables.whole("tp2_last_day") + 1, None),
    )
    found = []
    for begin in start:
        earliest = (result.taken.earliest - begin.latest).days
        latest = (result.taken.latest - begin.earliest).days
        for name, first, last in windows:
            if (first is None or latest >= first) and (last is None or earliest <= last):
                found.append(name)
    return tuple(dict.fromkeys(found))


_Columns = tuple[str, str, str]
"""Worst result of the first and of the second time point, and whether one outside them is poor."""

_NO_RESULT: _Columns = ("missing", "missing", "none")


def _columns(
    results: list[MrdResult], start: Iterable[DateRange], tables: Tables
) -> Iterable[_Columns]:
    """What the columns may be, each result in any of its slots.

    One result after the other: however many of them have no day, there are only so many columns.
    """
    begin = tuple(start)
    found: dict[_Columns, None] = {_NO_RESULT: None}
    for item in results:
        klass = result_class(item, tables)
        slots = _slots(item, begin, tables)
        found = dict.fromkeys(_with(columns, slot, klass) for columns in found for slot in slots)
    return found


def _with(columns: _Columns, slot: str, klass: str) -> _Columns:
    """The columns with one more result; the worst usable result of a time point governs."""
    tp1, tp2, off_window = columns
    if slot == "tp1":
        return min(tp1, klass, key=_WORST_FIRST.index), tp2, off_window
    if slot == "tp2":
        return tp1, min(tp2, klass, key=_WORST_FIRST.index), off_window
    if slot == "off_window" and klass == "poor":
        return tp1, tp2, "poor"
    return columns


def _value_flags(results: list[MrdResult], value: str, tables: Tables) -> frozenset[str]:
    flags = set()
    poor = [item for item in results if result_class(item, tables) == "poor"]
    other = tables.limit("mrd_other_cut_off")
    if (
        value == "poor"
        and poor
        and all(item.fraction is not None and not item.fraction.may_reach(other) for item in poor)
    ):
        flags.add("MRD_BETWEEN_1E4_AND_1E3")
    by_day: dict[date, set[str]] = {}
    for item in results:
        klass = result_class(item, tables)
        if item.taken.earliest == item.taken.latest and klass in _USABLE:
            by_day.setdefault(item.taken.earliest, set()).add(klass)
    if any(len(classes) > 1 for classes in by_day.values()):
        flags.add("MRD_DISCORDANT")
    return frozenset(flags)
