"""The card of MRD: when next, in what, how sensitive, and what the result would mean."""

from __future__ import annotations

from cds_service.cards.draft import CardDraft, Occasion
from cds_service.cards.markdown import bullets, own_text, table
from cds_service.cards.missing import answer_rows
from cds_service.cards.mrd_schedule import NextMrd, TimePoint, next_mrd
from cds_service.cards.words import CardWords
from relapse_model.loader import tables

_ALLOCATED = frozenset({"S1", "S2"})
"""Groups in which MRD has a say; it never waives transplantation in the others."""

_NOT_ASKED = frozenset(
    {"DATA_ERROR", "CONFIRM_RELAPSE", "TRIAL_PHASE_1_2", "EXPERT_POST_HSCT", "HSCT_HR"}
)


_POINTS = ("tp1", "tp2")


def mrd_card(occasion: Occasion) -> CardDraft | None:
    """The card, or None where MRD has no say in the decision."""
    decision, words = occasion.decision, occasion.words
    if decision.plan in _NOT_ASKED or not _ALLOCATED & set(decision.s_group):
        return None
    upcoming = next_mrd(decision, occasion.as_of)
    draft = CardDraft("mrd", _summary(upcoming, decision.mrd, words), "info")
    if lines := _how(upcoming, decision.mrd, words):
        draft.sections.append(bullets(lines))
    if rows := list(answer_rows(decision, ["mrd"], words, named=False)):
        head = [own_text(text) for text in words.table_heads["mrd"]]
        draft.add(words.headings["how_read"], table(head, rows))
    draft.add_by_provenance(occasion.statements("mrd"), words)
    if not draft.sections:
        return None
    if _measured_next(upcoming, decision.mrd):
        draft.orders = ["mrd"]
    return draft


def _measured_next(upcoming: NextMrd, mrd: str) -> bool:
    return upcoming.point is not None or upcoming.passed or mrd == "borderline"


def _summary(upcoming: NextMrd, mrd: str, words: CardWords) -> str:
    texts = words.cards["mrd"]
    if upcoming.point is not None:
        point = upcoming.point
        name = "undated" if point.first is None else "dated"
        return texts[name].format(first=point.first, last=point.last, week=_week(point, words))
    if upcoming.passed:
        return texts["passed"]
    if mrd == "borderline":
        return texts["borderline"]
    return texts["known"].format(mrd=words.listed("mrd", [mrd]))


def _how(upcoming: NextMrd, mrd: str, words: CardWords) -> list[str]:
    if not _measured_next(upcoming, mrd):
        return []
    texts = words.cards["mrd"]
    lines = []
    if upcoming.point is not None:
        window = _window(upcoming.point, words)
        citation = tables().thresholds[f"{upcoming.point.name}_first_day"].citation
        told = own_text(texts["when"].format(window=window))
        lines.append(f"{told} {own_text(f'[{citation.provenance}]')}")
    elif upcoming.passed:
        lines.append(own_text(texts["over"].format(**_windows())))
    return [*lines, own_text(texts["specimen"]), own_text(texts["sensitivity"])]


def _windows() -> dict[str, str]:
    """The days of relapse therapy of both time points: ``tp1`` -> ``28-42``."""
    whole = tables().whole
    return {name: f"{whole(f'{name}_first_day')}-{whole(f'{name}_last_day')}" for name in _POINTS}


def _window(point: TimePoint, words: CardWords) -> str:
    texts = words.cards["mrd"]
    days = f"{point.first_day}-{point.last_day}"
    week = _week(point, words)
    if point.first is None:
        return texts["window"].format(week=week, days=days)
    told = texts["window_dated"].format(first=point.first, last=point.last, week=week, days=days)
    return f"{told}; {texts['window_from_relapse']}" if point.from_relapse else told


def _week(point: TimePoint, words: CardWords) -> str:
    return words.cards["mrd"][f"week_{point.name}"]
