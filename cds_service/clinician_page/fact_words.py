"""Facts as a reader sees them: label, value, day, note and source, as plain text.

The templates escape; here what came from outside is only put on one line and cut to length.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.cards.draft import label
from cds_service.cards.markdown import visible_text
from cds_service.cards.words import CardWords, card_words, either
from cds_service.clinician_page.scales import days_in_words
from relapse_model.amounts import AmountRange
from relapse_model.dates import DateRange
from relapse_model.decision import Decision, FactReport
from relapse_model.facts import Fact
from relapse_model.facts_file import amount
from relapse_model.loader import tables

MOST_VALUES = 4
ASSUMED = ("assumed",)
"""Evidence of a fact that the reader of the page assumed."""

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact on record."""

    fact: str
    label: str
    value: str
    taken: str
    note: str
    evidence: tuple[str, ...]
    assumed: bool


@dataclass(frozen=True, slots=True)
class RemarkRow:
    """Something that the reading set aside or missed, under the name of its flag."""

    flag: str
    text: str
    evidence: tuple[str, ...]


def fact_rows(decision: Decision, words: CardWords) -> tuple[FactRow, ...]:
    """Every fact on record, in the order of the cards: what decides most comes first."""
    order = {name: place for place, name in enumerate(words.facts["order"])}
    known = sorted(decision.facts, key=lambda report: order.get(report.fact, len(order)))
    return tuple(_row(report) for report in known if report.evidence)


def remark_rows(decision: Decision, words: CardWords) -> tuple[RemarkRow, ...]:
    """What was set aside, and why."""
    return tuple(
        RemarkRow(
            words.flags.get(remark.flag, remark.flag),
            visible_text(remark.text, _LONGEST),
            tuple(visible_text(name) for name in remark.evidence),
        )
        for remark in decision.remarks
    )


def values_in_words(name: str, fact: Fact[Any]) -> str:
    """The values that a fact may have, with its unit: ``80 %``."""
    unit = tables().facts[name].unit if name in tables().facts else ""
    told = [
        days_in_words(value) if isinstance(value, DateRange) else _value(name, str(value), unit)
        for value in sorted(fact.values, key=str)
    ]
    return either(*told[:MOST_VALUES], *(["..."] if len(told) > MOST_VALUES else []))


def fraction_in_words(fraction: AmountRange | None) -> str:
    """An MRD fraction as a clinician writes it: ``<0.01 %``."""
    if fraction is None:
        return "not readable"
    high = None if fraction.high is None else fraction.high * 100
    return f"{AmountRange(fraction.low * 100, high, fraction.low_open, fraction.high_open)} %"


def _row(report: FactReport) -> FactRow:
    told = [_value(report.fact, text, report.unit) for text in report.values]
    return FactRow(
        fact=report.fact,
        label=label(report.fact),
        value=either(*told[:MOST_VALUES], *(["..."] if len(told) > MOST_VALUES else [])),
        taken=report.taken.replace("/", " to "),
        note=visible_text(report.note, _LONGEST),
        evidence=tuple(visible_text(name) for name in report.evidence),
        assumed=report.evidence == ASSUMED,
    )


def _value(fact: str, text: str, unit: str) -> str:
    name = tables().facts.get(fact)
    if name and text in name.values:
        return name.values[text]
    if fact == "mrd" and unit:
        return fraction_in_words(amount(text, fact))
    if name and name.kind == "date":
        return _days(text)
    return f"{visible_text(text)} {card_words().units.get(unit, unit)}".strip()


def _days(text: str) -> str:
    first, _, last = text.partition("/")
    if not last:
        return first
    return days_in_words(DateRange(date.fromisoformat(first), date.fromisoformat(last)))
