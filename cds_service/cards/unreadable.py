"""The card for a child of whom it cannot be said that the article does not apply.

An empty list of cards means: out of scope. It must never mean: something could not be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cds_service.cards.draft import CardDraft, Occasion, remark_text
from cds_service.cards.markdown import bullets, own_text
from relapse_model.facts import Remark

_LOST = frozenset({"UNREADABLE", "CODE_TEXT_CONFLICT"})
_PROBLEM_LIST = re.compile(r"(?:^|/)(?:Condition|Patient)/|^(?:conditions|patient)\b")
_QUERY = re.compile(r"\bconditions\b")
_MOST = 8


def unreadable_card(occasion: Occasion) -> CardDraft | None:
    """The card, or None when the problem list and the Patient were read completely."""
    lost = unread(occasion.remarks)
    if not lost:
        return None
    words = occasion.words
    texts = words.cards["unreadable"]
    draft = CardDraft("unreadable", texts["summary"], "warning", [own_text(texts["detail"])])
    lines = [remark_text(remark) for remark in lost[:_MOST]]
    if len(lost) > _MOST:
        lines.append(f"and {len(lost) - _MOST} more")
    draft.add(words.headings["unreadable"], bullets(lines))
    return draft


def unread(remarks: Iterable[Remark]) -> list[Remark]:
    """The remarks on Conditions and on the Patient that were not, or not completely, read."""
    return [remark for remark in remarks if _is_lost(remark)]


def _is_lost(remark: Remark) -> bool:
    if remark.flag == "DATA_INCOMPLETE":
        return bool(_QUERY.search(remark.text))
    return remark.flag in _LOST and any(_PROBLEM_LIST.search(ref) for ref in remark.evidence)
