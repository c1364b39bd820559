"""The card of what is missing: what to ask for, most decisive first, and what answers leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from cds_service.cards.draft import CardDraft, Conclusion, label, plans_text, value
from cds_service.cards.markdown import own_text, table
from cds_service.cards.words import CardWords, fitted, spelled
from relapse_model.decision import Answer, Decision
from relapse_model.loader import tables

_MOST_ROWS = 30
_OPEN_STATES = frozenset({"pending", "indeterminate", "not_reported", "not_assessed"})
_LATER_STATES = frozenset({"cr2", "prior_hsct"})


def missing_card(conclusion: Conclusion, without: frozenset[str] = frozenset()) -> CardDraft | None:
    """The card of the wanted facts, or None when nothing is wanted.

    ``without``: facts that another card asks for. States of the chart that only a later record
    can change are one line, not a question.
    """
    decision, words = conclusion.decision, conclusion.words
    undecided = words.plans[decision.plan].kind == "undecided"
    # While the plan is open they are wanted only if the record leaves them open too.
    later = frozenset() if decision.plan == "INSUFFICIENT_DATA" else _LATER_STATES
    asked = by_decisiveness(decision, words, without | later)
    if not asked:
        return None
    texts = words.cards["missing"]
    template = texts["open" if undecided else "later"]
    draft = CardDraft(
        kind="missing",
        summary=fitted(template, "missing", [text for text, _ in asked]) or texts["plain"],
        indicator="warning" if undecided else "info",
    )
    draft.sections += _questions(decision, asked, words)
    draft.orders = [name for _, facts in asked for name in facts]
    return draft


def by_decisiveness(
    decision: Decision, words: CardWords, without: frozenset[str]
) -> list[tuple[str, list[str]]]:
    """What to ask for with its facts, most decisive first; facts with the same words are one.

    An answer that leaves one plan and one group decides most: asked for first is what leaves the
    fewest on average, and among equals what comes first in the vocabulary.
    """
    groups: dict[str, list[str]] = {}
    for fact in decision.wanted:
        if fact not in without:
            groups.setdefault(words.asks.get(fact, spelled(fact)), []).append(fact)
    return sorted(groups.items(), key=lambda item: (_left(decision, item[1]), item[0]))


def _left(decision: Decision, facts: Sequence[str]) -> Fraction:
    """How many plans and groups the answers leave, on average over the answers to each fact."""
    left = []
    for fact in facts:
        answers = [item for item in decision.answers if item.fact == fact]
        if answers:
            total = sum(len(item.plans) + len(item.s_groups) for item in answers)
            left.append(Fraction(total, len(answers)))
    return min(left, default=Fraction(99))


def _questions(
    decision: Decision, asked: Sequence[tuple[str, list[str]]], words: CardWords
) -> Iterator[str]:
    for number, (text, facts) in enumerate(asked, start=1):
        yield f"**{number}\\. {own_text(text[:1].upper() + text[1:])}**"
        if rows := list(answer_rows(decision, facts, words, named=len(facts) > 1)):
            yield table([own_text(head) for head in words.table_heads["answers"]], rows)
        else:
            known = [tables().facts[fact].settled_by for fact in facts if fact in tables().facts]
            question = "; ".join(dict.fromkeys(known)) or text
            yield own_text(words.cards["missing"]["settled"].format(question=question))


def answer_rows(
    decision: Decision, facts: Sequence[str], words: CardWords, *, named: bool
) -> Iterator[list[str]]:
    """One row for each thing that answers to ``facts`` may leave, with the answers that leave it.

    The state that the chart has now is not an answer. ``named``: put the fact before its answer.
    """
    now = (decision.plans or (decision.plan,), decision.s_group)
    rows: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for answer in decision.answers:
        if answer.fact in facts and answer.answer not in _OPEN_STATES:
            key = (answer.fact, answer.plans, answer.s_groups)
            rows.setdefault(key, []).append(value(answer.fact, answer.answer))
    for (fact, plans, groups), answers in list(rows.items())[:_MOST_ROWS]:
        told = " or ".join(answers)
        condition = f"{own_text(label(fact))}: {told}" if named else told
        left = then(Answer(fact, "", plans, groups), words)
        unchanged = own_text(words.headings["unchanged"])
        open_still = (plans, groups) == now and len(plans) > 1
        yield [condition, f"{unchanged}: {left}" if open_still else left]


def then(answer: Answer, words: CardWords) -> str:
    """What an answer leaves: ``S3: allogeneic HSCT in second remission``."""
    groups = words.listed("s_group", answer.s_groups)
    plans = plans_text(answer.plans, words)
    return own_text(": ".join(text for text in (groups, plans) if text)) or "-"
