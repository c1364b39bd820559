"""The same relapse by the article, by its other definitions of time, and by other schemes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.cards.words import CardWords, either
from cds_service.clinician_page.scales import clipped, days_in_words, shifted
from relapse_model.dates import DateRange
from relapse_model.decision import Decision
from relapse_model.definitions import Definition, definitions_at
from relapse_model.facts import PatientFacts
from relapse_model.loader import tables

_GOVERNING = "This article, Table 1 (governs here)"


@dataclass(frozen=True, slots=True)
class SchemeRow:
    """One scheme or definition: what it says, and whether that differs from the article's group.

    ``late_from``: the day from which a definition of time says late.
    """

    scheme: str
    says: str
    differs: bool
    governing: bool = False
    late_from: str = ""

    @property
    def agrees(self) -> str:
        """Whether it agrees, in a word."""
        if self.governing:
            return "governs"
        if self.scheme.startswith("Surrogate"):
            return "surrogate"
        return "differs" if self.differs else "yes"


def scheme_rows(facts: PatientFacts, decision: Decision, words: CardWords) -> tuple[SchemeRow, ...]:
    """The article first, then its other definitions, then other schemes; none without a group."""
    if not decision.s_group:
        return ()
    governing = ", ".join(
        words.listed(kind, values)
        for kind, values in (
            ("timing", decision.timing),
            ("s_group", decision.s_group),
            ("risk", decision.risk),
        )
    )
    shown = {item.scheme for item in decision.alternatives}
    rows = [
        SchemeRow("This article, Table 1 (governs here)", governing, differs=False, governing=True)
    ]
    rows += _by_definition(facts, decision)
    rows += _by_scheme(decision)
    listed = {row.scheme for row in rows}
    rows += [
        SchemeRow(item.scheme, item.klass, differs=True)
        for item in decision.alternatives
        if item.scheme in shown - listed
    ]
    return tuple(rows)


def _by_definition(facts: PatientFacts, decision: Decision) -> Iterator[SchemeRow]:
    for item in definitions_at(decision.site, tables()):
        found = [entry.klass for entry in decision.alternatives if entry.scheme == item.name]
        days = either(*(days_in_words(day) for day in _limits(facts, item)))
        says = either(*_classes(facts, item))
        if found:
            yield SchemeRow(item.name, either(*found), differs=True, late_from=days)
        elif says:
            yield SchemeRow(item.name, says, differs=False, late_from=days)


def _by_scheme(decision: Decision) -> Iterator[SchemeRow]:
    classes = tables().scheme_classes
    differing = {item.scheme for item in decision.alternatives}
    for step in decision.trace:
        if step.table != "schemes":
            continue
        for output, cells in step.concluded:
            known = [classes[output, cell] for cell in cells]
            scheme = known[0].scheme
            says = either(*(item.label for item in known))
            yield SchemeRow(scheme, says, differs=scheme in differing)


def _limits(facts: PatientFacts, item: Definition) -> list[DateRange]:
    ranges = [shifted(days, item.months) for days in sorted(getattr(facts, item.anchor).values)]
    return [days for days in ranges if clipped(days) != (None, None)]


def _classes(facts: PatientFacts, item: Definition) -> list[str]:
    """Early, late or both, by the days alone; nothing where one of them is unknown."""
    relapses = [day for day in facts.relapse_date.values if clipped(day) != (None, None)]
    pairs = [(relapse, limit) for relapse in relapses for limit in _limits(facts, item)]
    found = []
    if any(relapse.earliest < limit.latest for relapse, limit in pairs):
        found.append("early")
    if any(relapse.latest >= limit.earliest for relapse, limit in pairs):
        found.append("late")
    return found
