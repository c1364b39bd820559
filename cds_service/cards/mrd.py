"""The card of MRD: when next, in what, how sensitive, and what the result would mean."""

from __future__ import annotations

from functools import partial

from cds_service.cards.draft import CardDraft, Conclusion, Occasion, Section
from cds_service.cards.markdown import bullets, own_text, table
from cds_service.cards.missing import answer_rows
from cds_service.cards.mrd_schedule import UndatedMrd
from cds_service.cards.words import CardWords
from relapse_model.loader import tables

_ALLOCATED = frozenset({"S1", "S2"})
"""Groups in which MRD has a say; it never waives transplantation in the others."""

_NOT_ASKED = frozenset(
    {"DATA_ERROR", "CONFIRM_RELAPSE", "TRIAL_PHASE_1_2", "EXPERT_POST_HSCT", "HSCT_HR"}
)

_POINTS = ("tp1", "tp2")
_DAYS = {"first": "{first}", "last": "{last}"}
"""The days of one child are put in last, so that the rest can be remembered."""


def mrd_card(conclusion: Conclusion) -> CardDraft | None:
    """The card, or None where MRD has no say in the decision."""
    decision, words, upcoming = conclusion.decision, conclusion.words, conclusion.next_mrd
    if decision.plan in _NOT_ASKED or not _ALLOCATED & set(decision.s_group):
        return None
    draft = CardDraft("mrd", _told(upcoming, _summary(upcoming, decision.mrd, words)), "info")
    if lines := _how(upcoming, decision.mrd, words):
        draft.sections.append(_told(upcoming, bullets(lines)))
    if rows := list(answer_rows(decision, ["mrd"], words, named=False)):
        head = [own_text(text) for text in words.table_heads["mrd"]]
        draft.add(words.headings["how_read"], table(head, rows))
    draft.add_by_provenance(conclusion.statements("mrd"), words)
    if not draft.sections:
        return None
    if _measured_next(upcoming, decision.mrd):
        draft.orders = ["mrd"]
    return draft


def _told(upcoming: UndatedMrd, text: str) -> Section:
    """``text``, or where it has ``{first}`` and ``{last}``, what writes it with a child's days."""
    return partial(_with_days, text) if upcoming.dated else text


def _with_days(text: str, occasion: Occasion) -> str:
    point = occasion.next_mrd.point
    return text.format(first=point.first, last=point.last) if point else text


def _measured_next(upcoming: UndatedMrd, mrd: str) -> bool:
    return bool(upcoming.name) or upcoming.passed or mrd == "borderline"


def _summary(upcoming: UndatedMrd, mrd: str, words: CardWords) -> str:
    texts = words.cards["mrd"]
    if upcoming.name:
        text = texts["dated" if upcoming.dated else "undated"]
        return text.format(**_DAYS, week=texts[f"week_{upcoming.name}"])
    if upcoming.passed:
        return texts["passed"]
    if mrd == "borderline":
        return texts["borderline"]
    return texts["known"].format(mrd=words.listed("mrd", [mrd]))


def _how(upcoming: UndatedMrd, mrd: str, words: CardWords) -> list[str]:
    if not _measured_next(upcoming, mrd):
        return []
    texts = words.cards["mrd"]
    lines = []
    if upcoming.name:
        window = _window(upcoming, words)
        citation = tables().thresholds[f"{upcoming.name}_first_day"].citation
        told = own_text(texts["when"].format(window=window))
        lines.append(f"{told} {own_text(f'[{citation.provenance}]')}")
    elif upcoming.passed:
        lines.append(own_text(texts["over"].format(**_windows())))
    return [*lines, own_text(texts["specimen"]), own_text(texts["sensitivity"])]


def _windows() -> dict[str, str]:
    """The days of relapse therapy of both time points: ``tp1`` -> ``28-42``."""
    whole = tables().whole
    return {name: f"{whole(f'{name}_first_day')}-{whole(f'{name}_last_day')}" for name in _POINTS}


def _window(upcoming: UndatedMrd, words: CardWords) -> str:
    texts = words.cards["mrd"]
    text = texts["window_dated" if upcoming.dated else "window"]
    days = _windows()[upcoming.name]
    told = text.format(**_DAYS, week=texts[f"week_{upcoming.name}"], days=days)
    return f"{told}; {texts['window_from_relapse']}" if upcoming.from_relapse else told
