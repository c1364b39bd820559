"""A card before it is one: what it says and offers, and what every card is drafted from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import partial

from cds_service.cards.markdown import bullets, outside_text, own_text
from cds_service.cards.mrd_schedule import NextMrd, UndatedMrd
from cds_service.cards.references import References
from cds_service.cards.words import CardWords, spelled
from relapse_model.decision import Decision, Statement
from relapse_model.facts import Remark
from relapse_model.loader import tables

MOST_EVIDENCE = 2
_DECIMAL = re.compile(r"\d+\.\d+")
_LONGEST_REMARK = 300


@dataclass(frozen=True, slots=True)
class Occasion:
    """What the cards of one call are about: decision, remarks, words, and the day it is.

    ``as_of`` is None where no day is known; then no date of the future is stated.
    ``next_mrd``: when MRD is measured next. ``patient_id``: whom orders are drafted for; "" = none
    are. ``conditions``: references to the Conditions that they are for.
    """

    decision: Decision
    remarks: tuple[Remark, ...]
    words: CardWords
    as_of: date | None
    unneeded: tuple[Remark, ...]
    next_mrd: NextMrd
    patient_id: str
    conditions: Sequence[Mapping[str, str]]

    def conclusion(self) -> Conclusion:
        """What was concluded, without anything of the child it was concluded of."""
        decision = replace(self.decision, facts=(), limits=(), remarks=(), trace=())
        undated = self.next_mrd.without_days()
        return Conclusion(decision, self.words, undated, _lacks_abl_mutation(self.decision))


Section = str | Callable[[Occasion], str]
"""Markdown that all children with one conclusion share, or what writes it about one child."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What is decided, without the child: no fact, date, reference or text from a record.

    What a card says of it can be remembered. ``abl_mutation_open``: only lesions with BCR::ABL1
    are on record, and the kinase domain was not looked at.
    """

    decision: Decision
    words: CardWords
    next_mrd: UndatedMrd
    abl_mutation_open: bool

    def statements(self, *topics: str) -> list[Statement]:
        """The decision's sentences of these topics, in the model's order."""
        return [item for item in self.decision.statements if item.topic in topics]

    @property
    def still_possible(self) -> frozenset[str]:
        """The plan, or those that it may still become."""
        return frozenset(self.decision.plans or (self.decision.plan,))


@dataclass(slots=True)
class CardDraft:
    """One card: its kind (CARD_KINDS), what it says, and the names of the orders it offers."""

    kind: str
    summary: Section
    indicator: str
    sections: list[Section] = field(default_factory=list)
    references: References = field(default_factory=References)
    orders: list[str] = field(default_factory=list)

    def add(self, heading: str, body: Section) -> None:
        """A headed section, unless there is nothing to say; ``heading`` is our own text."""
        head = f"**{own_text(heading)}**"
        if not isinstance(body, str):
            self.sections.append(partial(_headed, head, body))
        elif body:
            self.sections += [head, body]

    def add_statements(self, heading: str, statements: Iterable[Statement]) -> None:
        """A headed list of sentences, each with its provenance and source."""
        self.add(heading, bullets(self.references.sentence(item) for item in statements))

    def add_by_provenance(self, statements: Sequence[Statement], words: CardWords) -> None:
        """Three lists: what the article says, what other sources say, how this software reads."""
        for heading, tags in (("article", "PI"), ("others", "C"), ("ours", "A")):
            told = [item for item in statements if item.provenance in tags]
            self.add_statements(words.headings[heading], told)


def section_text(section: Section, occasion: Occasion) -> str:
    """The section for one child."""
    return section if isinstance(section, str) else section(occasion)


def _headed(head: str, body: Callable[[Occasion], str], occasion: Occasion) -> str:
    told = body(occasion)
    return f"{head}\n\n{told}" if told else ""


def _lacks_abl_mutation(decision: Decision) -> bool:
    values = {report.fact: report.values for report in decision.facts}
    lesions = [text.split("+") for text in values.get("genetics", ())]
    tested = values.get("abl_mutation", ("not_reported",)) != ("not_reported",)
    return bool(lesions) and all("BCR-ABL1" in found for found in lesions) and not tested


def label(fact: str) -> str:
    """What a fact is called."""
    name = tables().facts.get(fact)
    return name.label if name else spelled(fact)


def value(fact: str, text: str, unit: str = "") -> str:
    """One value of a fact as Markdown, with its unit; what the model does not list is outside."""
    name = tables().facts.get(fact)
    if name and text in name.values:
        return own_text(name.values[text])
    if name and name.kind == "date":
        return outside_text(day_or_days(text))
    if unit == "fraction":
        return outside_text(_DECIMAL.sub(_as_power, text))
    return f"{outside_text(text)} {outside_text(unit)}".strip() if unit else outside_text(text)


def _as_power(number: re.Match[str]) -> str:
    """``0.002`` as ``2e-3``, as MRD is spoken of; 0 and what is 1 or more stay as they are."""
    amount = Decimal(number.group())
    return f"{amount.normalize():e}" if 0 < amount < 1 else number.group()


def day_or_days(text: str) -> str:
    """``2021-03-04`` as it is; ``2021-03-04/2021-04-01`` as ``2021-03-04 to 2021-04-01``."""
    return text.replace("/", " to ")


def evidence(references: Sequence[str], most: int = MOST_EVIDENCE) -> str:
    """Resources as Markdown, as many as a reader takes in."""
    # Whose record it is need not be told; the Patient has the longest of ids.
    names = ["Patient" if ref.startswith("Patient/") else ref for ref in references[:most]]
    shown = [outside_text(name) for name in names]
    more = len(references) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def remark_text(remark: Remark) -> str:
    """A remark with the resources it is about."""
    text = outside_text(remark.text, _LONGEST_REMARK)
    return f"{text} ({evidence(remark.evidence)})" if remark.evidence else text


def plans_text(plans: Sequence[str], words: CardWords) -> str:
    """Plans in words: ``a; or b``, since a plan's own words may have a comma."""
    return "; or ".join(plan_short(plan, words) for plan in plans)


def plan_short(plan: str, words: CardWords) -> str:
    """One plan in a few words."""
    return words.plans[plan].short if plan in words.plans else spelled(plan)
