"""The cards of one decision: what it says, in words, and never more than it says.

At most five, the most important first, each only when it has something to say. Every string that
came from FHIR passes ``outside_text``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from cds_service.cards.draft import CardDraft, Conclusion, Occasion, Section, section_text
from cds_service.cards.fixed_parts import FixedObject
from cds_service.cards.markdown import own_text
from cds_service.cards.missing import missing_card
from cds_service.cards.mrd import mrd_card
from cds_service.cards.mrd_schedule import next_mrd
from cds_service.cards.stratification import stratification_card
from cds_service.cards.suggestions import Offer, conditions, offers, suggestions
from cds_service.cards.topics import card_uuid, source
from cds_service.cards.treatment import agents_card, local_therapy_card, transplantation_card
from cds_service.cards.unreadable import unreadable_card
from cds_service.cards.words import CardWords, card_words
from relapse_model.decision import Decision, Statement
from relapse_model.facts import Remark

MOST_CARDS = 5
_MOST_REMEMBERED = 100
"""Conclusions whose cards are kept, 12 KB each: few are met day by day."""

Card = dict[str, Any]


def cards_for(  # noqa: PLR0913 - what one call knows, each by its name
    decision: Decision,
    remarks: Iterable[Remark] = (),
    *,
    deceased: bool = False,
    words: CardWords | None = None,
    as_of: date | None = None,
    patient_id: str = "",
    unneeded: Iterable[Remark] = (),
) -> list[Card]:
    """The cards of ``decision``; none where the child has died or the article does not apply.

    ``remarks``: what the reading of the record noticed, shown beside the flags. ``as_of``: the day
    of the question. ``patient_id``: for the drafts of orders; none are offered without it.
    ``unneeded``: data that did not arrive and would change neither group nor plan. Each
    card is the JSON object of cds-hooks_2.0 "Card Attributes", without nulls or empty values.
    """
    if deceased:
        return []
    occasion = Occasion(
        decision,
        tuple(remarks),
        words or card_words(),
        as_of,
        tuple(unneeded),
        next_mrd(decision, as_of),
        patient_id,
        conditions(decision),
    )
    return [card_of(pattern, occasion) for pattern in patterns(occasion)]


@dataclass(frozen=True, slots=True)
class CardPattern:
    """One card as it is for every child with the same conclusion; see CardDraft."""

    kind: str
    summary: Section
    indicator: str
    source: FixedObject
    sections: tuple[Section, ...]
    offers: tuple[Offer, ...]


def patterns(occasion: Occasion) -> Sequence[CardPattern]:
    """The cards before they are about one child, most important first.

    A silent plan has none, unless a part of the problem list could not be read: then an empty
    list would say more than is known.
    """
    if occasion.words.plans[occasion.decision.plan].kind == "silent":
        unreadable = unreadable_card(occasion)
        return [_pattern(unreadable, occasion.conclusion())] if unreadable else []
    return patterns_of(occasion.conclusion())


@lru_cache(maxsize=_MOST_REMEMBERED)
def patterns_of(conclusion: Conclusion) -> tuple[CardPattern, ...]:
    """The cards of a conclusion, most important first."""
    return tuple(_pattern(draft, conclusion) for draft in drafts(conclusion))


def drafts(conclusion: Conclusion) -> list[CardDraft]:
    """The drafts of these cards."""
    mrd = mrd_card(conclusion)
    local = local_therapy_card(conclusion)
    mrd_sentences = [] if mrd else conclusion.statements("mrd")
    transplantation = transplantation_card(conclusion, mrd_sentences)
    agents = agents_card(conclusion)
    others = _without_card(conclusion, mrd=mrd, local=local, hsct=transplantation, agents=agents)
    first = stratification_card(conclusion, others)
    missing = missing_card(conclusion, frozenset({"mrd"}) if mrd else frozenset())
    found = [first, missing, mrd, local, transplantation, agents]
    told = [draft for draft in found if draft is not None]
    if len(told) > MOST_CARDS and missing is not None:
        told.remove(missing)
        _take_in(first, missing)
    return told[:MOST_CARDS]


def card_of(pattern: CardPattern, occasion: Occasion) -> Card:
    """The JSON object of one card about one child, with the drafts it offers."""
    told = [section_text(section, occasion) for section in pattern.sections]
    card: Card = {
        "uuid": card_uuid(pattern.kind),
        "summary": section_text(pattern.summary, occasion),
        "detail": "\n\n".join(text for text in told if text),
        "indicator": pattern.indicator,
        "source": pattern.source,
    }
    if occasion.patient_id and pattern.offers:
        card["suggestions"] = suggestions(pattern.offers, occasion)
        card["selectionBehavior"] = "any"
    return card


def _pattern(draft: CardDraft, conclusion: Conclusion) -> CardPattern:
    words = conclusion.words
    return CardPattern(
        kind=draft.kind,
        summary=draft.summary,
        indicator=draft.indicator,
        source=source(draft.kind, words),
        sections=(*draft.sections, *_closing(draft, words)),
        offers=offers(draft.orders, conclusion.decision.plan),
    )


def _closing(draft: CardDraft, words: CardWords) -> list[str]:
    closing = [f"*{own_text(words.closing['caveat'])}*"]
    if draft.references:
        closing.append(f"**{own_text(words.headings['sources'])}**")
        closing += [draft.references.listed(), f"*{own_text(words.closing['provenance'])}*"]
    return closing


def _without_card(
    conclusion: Conclusion,
    *,
    mrd: CardDraft | None,
    local: CardDraft | None,
    hsct: CardDraft | None,
    agents: CardDraft | None,
) -> list[Statement]:
    """Sentences whose own card is not there: the first card says them."""
    homeless: Sequence[tuple[str, bool]] = (
        ("mrd", mrd is None and hsct is None),
        ("local_therapy", local is None),
        ("transplantation", hsct is None),
        ("agents", agents is None),
    )
    topics = [name for name, without in homeless if without]
    return conclusion.statements(*topics)


def _take_in(first: CardDraft, missing: CardDraft) -> None:
    """Fold the card of what is missing into the first one, after its first lines."""
    first.sections[1:1] = missing.sections
    first.orders += missing.orders
