"""The words of the cards (``card_words.toml``), checked when the program starts.

Checked: every plan of decision.md and every kind of card has words; every placeholder is known; no
text is empty; the longest possible summary stays under 140 characters (cds-hooks_2.0@83); every
fact that the model may want has words to ask for it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from string import Formatter
from typing import Any

from cds_service.errors import WordsError
from relapse_model.loader import tables

SUMMARY_LIMIT = 140
"""A summary has fewer characters than this (cds-hooks_2.0@83)."""

PLANS = (
    "OUT_OF_SCOPE_DISEASE",
    "OUT_OF_SCOPE_AGE",
    "NO_RELAPSE",
    "DATA_ERROR",
    "CONFIRM_RELAPSE",
    "INSUFFICIENT_DATA",
    "CHEMO_LOCAL_NO_HSCT",
    "CHEMO_THEN_MRD",
    "CHEMO_CONTINUE",
    "HSCT_MRD",
    "HSCT_MRD_BORDERLINE",
    "HSCT_CONSIDER_GENETICS",
    "HSCT_HR",
    "HSCT_INVARIANT",
    "MDT_CONFLICT_S1_MRD",
    "EXPERT_POST_HSCT",
    "TRIAL_PHASE_1_2",
)
"""The plans of decision.md."""

KINDS = ("stratified", "undecided", "caution")
"""The kinds of plan that give a card; ``silent`` plans give none."""

CARD_KINDS = (
    "stratification",
    "missing",
    "mrd",
    "local_therapy",
    "transplantation",
    "trial",
    "agents",
    "unreadable",
)
"""The kinds of card, most important first; each has a topic. The order numbers the card ids."""

_PLACEHOLDERS = frozenset({"groups", "risk"})
_CARD_WORST = {
    "first": "2026-11-22",
    "last": "2026-11-22",
    "week": "12-13",
    "days": "77-98",
    "tp1": "28-42",
    "tp2": "77-98",
    "missing": "",
    "sites": "",
    "mrd": "",
    "window": "",
    "question": "",
}
"""Every placeholder of a card's words; those left blank are cut to the room there is."""


@dataclass(frozen=True, slots=True)
class PlanWords:
    """How one plan is told. A silent plan has only ``short``.

    ``next``: the options that come next, with their provenance.
    """

    kind: str
    short: str
    indicator: str = ""
    summary: str = ""
    summary_plain: str = ""
    next: str = ""

    @property
    def placeholders(self) -> frozenset[str]:
        """The names in braces in ``summary``."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.summary) if name)


@dataclass(frozen=True, slots=True, eq=False)
class CardWords:
    """Everything a card says that is not a fact, a statement or a conclusion.

    Equal to itself alone, so that what was told in these words can be remembered by them.
    """

    source: Mapping[str, str]
    topics: Mapping[str, Mapping[str, str]]
    headings: Mapping[str, str]
    table_heads: Mapping[str, Sequence[str]]
    units: Mapping[str, str]
    facts: Mapping[str, Any]
    closing: Mapping[str, str]
    cards: Mapping[str, Mapping[str, str]]
    lead: Mapping[str, Sequence[str]]
    links: Mapping[str, str]
    override: Mapping[str, Any]
    plans: Mapping[str, PlanWords]
    words: Mapping[str, Mapping[str, str]]
    flags: Mapping[str, str]
    asks: Mapping[str, str]

    def listed(self, kind: str, values: Sequence[str]) -> str:
        """``values`` of one vocabulary in words, in its order: ``S1, S2 or S3``; empty if none."""
        return _listed(self, kind, tuple(values))


@lru_cache(maxsize=1_000)
def _listed(words: CardWords, kind: str, values: tuple[str, ...]) -> str:
    known = words.words[kind]
    order = {name: place for place, name in enumerate(known)}
    ordered = sorted(values, key=lambda value: order.get(value, len(order)))
    return either(*(known.get(value, spelled(value)) for value in ordered))


def either(*texts: str) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    if len(texts) < 2:  # noqa: PLR2004 - grammar, not a threshold
        return "".join(texts)
    return f"{', '.join(texts[:-1])} or {texts[-1]}"


def spelled(code: str) -> str:
    """A code without words of its own, readable: ``VERY_EARLY`` becomes ``very early``."""
    return code.replace("_", " ").lower() if code.isupper() else code.replace("_", " ")


@cache
def card_words() -> CardWords:
    """The words as shipped, read and checked once; raises WordsError naming the place."""
    return words_from(files("cds_service.cards").joinpath("card_words.toml").read_text("utf-8"))


def words_from(text: str) -> CardWords:
    """The words of one TOML document; raises WordsError naming the place that is not sound."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WordsError("the file", str(error)) from error
    _refuse_blank(data, "")
    try:
        words = CardWords(
            plans={name: PlanWords(**entry) for name, entry in data.pop("plans").items()},
            **data,
        )
    except (KeyError, TypeError) as error:
        raise WordsError("the file", f"sections or fields are not as declared: {error}") from error
    _check_plans(words)
    _check_cards(words)
    _check_asks(words)
    _check_facts(words)
    return words


def _refuse_blank(value: Any, where: str) -> None:  # noqa: ANN401 - any TOML value
    if isinstance(value, str) and not value.strip():
        raise WordsError(where, "is empty")
    if isinstance(value, dict):
        for key, item in value.items():
            _refuse_blank(item, f"{where}.{key}" if where else key)
    if isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_blank(item, f"{where}[{number}]")


def _check_plans(words: CardWords) -> None:
    if different := set(PLANS) ^ set(words.plans):
        raise WordsError("plans", f"missing or unknown: {', '.join(sorted(different))}")
    for name, plan in words.plans.items():
        if plan.kind != "silent":
            _check_plan(f"plans.{name}", plan, words)


def _check_plan(where: str, plan: PlanWords, words: CardWords) -> None:
    if plan.kind not in KINDS:
        raise WordsError(where, f"kind must be silent or one of {', '.join(KINDS)}")
    if plan.indicator not in {"info", "warning"}:
        raise WordsError(where, "indicator must be info or warning, never critical")
    if not (plan.summary and plan.summary_plain):
        raise WordsError(where, "summary and summary_plain are required")
    if unknown := plan.placeholders - _PLACEHOLDERS:
        raise WordsError(f"{where}.summary", f"unknown placeholder {sorted(unknown)}")
    if not re.search(r" \[[PICA]\]$", plan.next):
        raise WordsError(f"{where}.next", "is required and ends in its provenance, as [P]")
    if "{" in plan.summary_plain:
        raise WordsError(f"{where}.summary_plain", "must not have placeholders")
    if max(longest(plan, words), len(plan.summary_plain)) >= SUMMARY_LIMIT:
        raise WordsError(f"{where}.summary", f"can reach {SUMMARY_LIMIT} characters")


def longest(plan: PlanWords, words: CardWords) -> int:
    """Length of the longest summary that any decision can give to ``plan``, in characters."""
    worst = {
        "groups": words.listed("s_group", list(words.words["s_group"])),
        "risk": words.listed("risk", list(words.words["risk"])),
    }
    return len(plan.summary.format(**worst))


def _check_cards(words: CardWords) -> None:
    if different := set(CARD_KINDS) ^ set(words.topics):
        raise WordsError("topics", f"missing or unknown: {', '.join(sorted(different))}")
    if different := set(CARD_KINDS[1:]) ^ set(words.cards):
        raise WordsError("cards", f"missing or unknown: {', '.join(sorted(different))}")
    if unknown := set(words.cards["transplantation"]) - {*PLANS, "given"}:
        raise WordsError("cards.transplantation", f"unknown plan {sorted(unknown)}")
    for kind, texts in words.cards.items():
        for name, text in texts.items():
            where = f"cards.{kind}.{name}"
            try:
                told = text.format(**_CARD_WORST)
            except (KeyError, IndexError, ValueError) as error:
                raise WordsError(where, f"unknown placeholder {error}") from error
            if name != "detail" and len(told) >= SUMMARY_LIMIT:
                raise WordsError(where, f"can reach {SUMMARY_LIMIT} characters")


def as_many_as_fit(texts: Sequence[str], room: int) -> str:
    """``a, b and 2 more``: as many of ``texts`` as ``room`` characters hold; empty if none."""
    for count in range(len(texts), 0, -1):
        rest = len(texts) - count
        told = ", ".join(texts[:count]) + (f" and {rest} more" if rest else "")
        if len(told) <= room:
            return told
    return ""


def fitted(template: str, name: str, texts: Sequence[str]) -> str:
    """``template`` with as many of ``texts`` for ``{name}`` as a summary holds; empty if none."""
    room = SUMMARY_LIMIT - 1 - len(template.format(**{name: ""}))
    told = as_many_as_fit(texts, room)
    return template.format(**{name: told}) if told else ""


def _check_asks(words: CardWords) -> None:
    if unnamed := set(tables().facts) - set(words.asks):
        raise WordsError("asks", f"no words for {', '.join(sorted(unnamed))}")


def _check_facts(words: CardWords) -> None:
    order = words.facts["order"]
    if unplaced := set(tables().facts) - set(order):
        raise WordsError("facts.order", f"has no place for {', '.join(sorted(unplaced))}")
    if len(set(order)) != len(order):
        raise WordsError("facts.order", "names a fact twice")
    known = {row.id for row in tables().statements}
    for kind, sentences in words.lead.items():
        if kind not in CARD_KINDS or set(sentences) - known:
            raise WordsError(f"lead.{kind}", "is no kind of card, or names an unknown sentence")
    for plan, decisive in words.facts["first"].items():
        if plan not in PLANS or set(decisive) - set(order):
            raise WordsError(f"facts.first.{plan}", "is no plan, or names an unknown fact")
