"""The first card: group, risk and plan in the first lines, then what they rest on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache, lru_cache, partial

from cds_service.cards.draft import (
    CardDraft,
    Conclusion,
    Occasion,
    Section,
    day_or_days,
    evidence,
    label,
    plan_short,
    remark_text,
    value,
)
from cds_service.cards.markdown import bullets, lines, outside_text, own_text, table
from cds_service.cards.words import CardWords, either, spelled
from relapse_model.decision import Decision, FactReport, Statement
from relapse_model.loader import tables

_MOST_VALUES = 4
_MOST_REMARKS = 5
_MOST_ROWS = 30
_LATER_STATES = ("cr2", "prior_hsct")
_READ_FROM = re.compile(r"(?:^|; )read from [^;]*$")
_HOUSED = frozenset(
    {
        "plan",
        "caveat",
        "stratification",
        "schemes",
        "mrd",
        "local_therapy",
        "transplantation",
        "agents",
    }
)
"""Topics with a place of their own; every other sentence closes the first card."""


def stratification_card(conclusion: Conclusion, others: Sequence[Statement] = ()) -> CardDraft:
    """The card of the decision; ``others``: sentences for which there is no card of their own."""
    decision, words = conclusion.decision, conclusion.words
    plan = words.plans[decision.plan]
    draft = CardDraft(
        kind="stratification",
        summary=summary(decision, words),
        indicator=_indicator(decision, plan.indicator),
    )
    if decision.s_group and "groups" not in plan.placeholders:
        draft.sections.append(_first_line(decision, words))
    if plan.next and "ALREADY_TREATED" not in decision.flags:
        draft.sections.append(_next(plan.next, words))
    if classified := _classification(decision, words):
        draft.sections.append(classified)
    if told := conclusion.statements("plan"):
        draft.sections.append(" ".join(draft.references.sentence(item) for item in told))
    if decision.conflicts:
        draft.add(words.headings["conflicts"], _conflicts)
    draft.add(words.headings["plans"], _plans(decision, words))
    caveats = conclusion.statements("caveat")
    why = [*conclusion.statements("stratification"), *others]
    explained = _explained(draft, [*caveats, *why])
    elsewhere = {name for item in conclusion.statements("schemes") for name in _flags_of(item)}
    notes = [draft.references.sentence(item) for item in caveats if not _flags_of(item)]
    draft.add(words.headings["flags"], partial(_flags, explained, elsewhere, notes))
    reasons = [item for item in why if not _flags_of(item)]
    draft.add_statements(words.headings["reasons"], reasons)
    _add_schemes(draft, conclusion)
    draft.add(words.headings["facts"], _facts)
    draft.sections.append(_unneeded)
    if later := later_states(decision, words):
        draft.sections.append(later)
    general = [item for item in decision.statements if item.topic not in _HOUSED]
    draft.add_statements(words.headings["general"], general)
    draft.orders = _orders(decision, words)
    return draft


def _indicator(decision: Decision, by_plan: str) -> str:
    """A palsy as the only finding, or a conflict of findings, is a warning whatever the plan."""
    if {"PALSY_ONLY", "SITE_CONFLICT"} & set(decision.flags):
        return "warning"
    return "info" if "ALREADY_TREATED" in decision.flags else by_plan


def _conflicts(occasion: Occasion) -> str:
    """DATA_ERROR: the dates that stand in the wrong order, as they are on record."""
    decision = occasion.decision
    known = {report.fact: report for report in decision.facts}

    def told(fact: str) -> str:
        report = known.get(fact)
        if fact == "as_of":
            return own_text("today")
        if report is None:
            return own_text(label(fact))
        days = either(*(outside_text(day_or_days(text)) for text in report.values))
        return f"{own_text(label(fact))} {days} ({evidence(report.evidence)})"

    return bullets(
        f"{told(earlier)} is later than {told(later)}" for earlier, later in decision.conflicts
    )


def summary(decision: Decision, words: CardWords) -> str:
    """One sentence under 140 characters (cds-hooks_2.0@83)."""
    plan = words.plans[decision.plan]
    values = {
        "groups": words.listed("s_group", decision.s_group),
        "risk": words.listed("risk", decision.risk),
    }
    if any(not values[name] for name in plan.placeholders & set(values)):
        return plan.summary_plain
    return plan.summary.format(**values)


def later_states(decision: Decision, words: CardWords) -> str:
    """One line on the states of the chart that a later record may change; empty without any."""
    states = [words.asks[name] for name in _LATER_STATES if name in decision.wanted]
    if not states or decision.plan == "INSUFFICIENT_DATA":
        return ""
    return f"{own_text(words.headings['later'])}: {own_text(', '.join(states))}."


def _next(text: str, words: CardWords) -> str:
    return f"**{own_text(words.headings['next'])}:** {own_text(text)}"


def _first_line(decision: Decision, words: CardWords) -> str:
    """Group, risk and plan where the summary does not name the group."""
    known = (
        words.listed("s_group", decision.s_group),
        words.listed("risk", decision.risk),
        plan_short(decision.plan, words),
    )
    return f"**{own_text(' · '.join(text for text in known if text))}**"


def _classification(decision: Decision, words: CardWords) -> Section:
    """What the group follows from, a line each: a table would make a heading of the first."""
    told = (
        words.listed("timing", decision.timing),
        words.listed("site", decision.site),
        decision.cns_status.replace("_", " "),
        words.listed("immunophenotype", decision.immunophenotype),
        words.listed("mrd", [decision.mrd] if decision.mrd else []),
    )
    heads = words.table_heads["classification"]
    shown = [(head, text) for head, text in zip(heads, told, strict=True) if text]
    # MRD alone ("not used") is no classification: nothing was classified.
    if len(shown) <= 1:
        return ""
    classes = [f"{own_text(head)}: **{own_text(text)}**" for head, text in shown]
    return partial(_with_limits, classes) if decision.timing else lines(classes)


def _with_limits(classes: Sequence[str], occasion: Occasion) -> str:
    """The first class, that of time, with its days, so that it can be checked; then the others."""
    return lines([f"{classes[0]}{_limits(occasion)}", *classes[1:]])


def _limits(occasion: Occasion) -> str:
    """The days that divide the classes of time here."""
    decision, words = occasion.decision, occasion.words
    known = words.words["timing"]
    days = [
        words.headings["limit"].format(
            timing=known[item.name], day=outside_text(day_or_days(item.day))
        )
        for item in decision.limits
    ]
    return f" ({', '.join(days)})" if days else ""


def _plans(decision: Decision, words: CardWords) -> str:
    return bullets(own_text(plan_short(plan, words)) for plan in decision.plans)


def _explained(draft: CardDraft, statements: Sequence[Statement]) -> dict[str, str]:
    """Flag -> the sentences that explain it."""
    sentences: dict[str, list[str]] = {}
    for item in statements:
        for flag in _flags_of(item)[:1]:
            sentences.setdefault(flag, []).append(draft.references.sentence(item))
    return {flag: " ".join(told) for flag, told in sentences.items()}


def _flags(
    explained: Mapping[str, str],
    elsewhere: AbstractSet[str],
    notes: Sequence[str],
    occasion: Occasion,
) -> str:
    """Each flag once: as the sentence that explains it, else by its name; remarks below it.

    ``elsewhere``: flags that another section explains. ``notes``: what closes the list.
    """
    remarks: dict[str, list[str]] = {}
    for remark in occasion.remarks:
        remarks.setdefault(remark.flag, []).append(remark_text(remark))
    lines = []
    for flag in dict.fromkeys([*occasion.decision.flags, *remarks, *explained]):
        told = remarks.get(flag, [])
        if len(told) > _MOST_REMARKS:
            told = [*told[:_MOST_REMARKS], f"and {len(told) - _MOST_REMARKS} more"]
        if flag in elsewhere and flag not in explained and not told:
            continue
        line = explained.get(flag) or own_text(occasion.words.flags.get(flag, spelled(flag)))
        lines.append(f"{line}: {'; '.join(told)}" if told else line)
    return bullets([*lines, *notes])


def _flags_of(statement: Statement) -> tuple[str, ...]:
    """The flags that a sentence belongs to, from its row."""
    return _flags_by_row().get(statement.id, ())


@cache
def _flags_by_row() -> dict[str, tuple[str, ...]]:
    empty: frozenset[str] = frozenset()
    return {
        row.id: tuple(sorted(row.some.get("flags", empty) | row.every.get("flags", empty)))
        for row in tables().statements
    }


def _add_schemes(draft: CardDraft, conclusion: Conclusion) -> None:
    words = conclusion.words
    rows = [
        [own_text(item.scheme), own_text(item.klass.replace("_", " "))]
        for item in conclusion.decision.alternatives
    ]
    body = table([own_text(head) for head in words.table_heads["schemes"]], rows) if rows else ""
    told = conclusion.statements("schemes")
    sentences = bullets(draft.references.sentence(item) for item in told)
    draft.add(
        words.headings["alternatives"], "\n\n".join(part for part in (body, sentences) if part)
    )


def _unneeded(occasion: Occasion) -> str:
    why = own_text(occasion.words.headings["unneeded"])
    return "\n\n".join(f"{outside_text(item.text)} {why}" for item in occasion.unneeded)


def _facts(occasion: Occasion) -> str:
    decision, words = occasion.decision, occasion.words
    order = fact_places(decision.plan, decision.conflicts, words)
    on_record = sorted(
        (report for report in decision.facts if report.evidence),
        key=lambda report: order.get(report.fact, len(order)),
    )
    if not on_record:
        return ""
    shown = on_record[:_MOST_ROWS]
    # Few resources tell many facts.
    sources = {told: evidence(told) for told in {report.evidence for report in shown}}
    rows = [
        [own_text(label(report.fact)), f"{_known(report, words)} · {sources[report.evidence]}"]
        for report in shown
    ]
    if len(on_record) > _MOST_ROWS:
        rows.append([own_text(words.headings["more"]), "-"])
    return table([own_text(head) for head in words.table_heads["facts"]], rows)


@lru_cache(maxsize=200)
def fact_places(
    plan: str, conflicts: tuple[tuple[str, str], ...], words: CardWords
) -> dict[str, int]:
    """Place of each fact, what decided first: dates that conflict, then what the plan hangs on.

    After those comes the order of the article's questions: time, site, lineage, response.
    """
    in_conflict = [name for pair in conflicts for name in pair]
    decisive = words.facts["first"].get(plan, [])
    names = dict.fromkeys([*in_conflict, *decisive, *words.facts["order"]])
    return {name: place for place, name in enumerate(names)}


def _known(report: FactReport, words: CardWords) -> str:
    """The values, as Markdown, with the note and the day on which they were observed."""
    unit = words.units.get(report.unit, report.unit)
    shown = [value(report.fact, text, unit) for text in report.values[:_MOST_VALUES]]
    told = either(*shown, *(["…"] if len(report.values) > _MOST_VALUES else []))
    # From which element it was read is in the decision document; a panel has no room for it.
    if report.note and (note := _READ_FROM.sub("", report.note)):
        told = f"{told}; {outside_text(note)}"
    taken = f" · {outside_text(day_or_days(report.taken))}" if report.taken else ""
    return f"{told}{taken}"


def _orders(decision: Decision, words: CardWords) -> list[str]:
    if words.plans[decision.plan].kind == "undecided" or not decision.s_group:
        return []
    if decision.plan == "EXPERT_POST_HSCT":
        return ["care_plan", "trial"]  # Table 1 was not made for it: its group is not recorded
    drafts = ["risk_assessment", "care_plan"]
    # A phase 1/2 trial has a card of its own; every first relapse is for a controlled trial.
    return drafts if decision.plan == "TRIAL_PHASE_1_2" else [*drafts, "trial"]
