"""The cards of one decision: what it says, in words, and never more than it says.

One card per decision, or none. Every string that came from FHIR passes ``outside_text``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from cds_service.card_words import (
    SUMMARY_LIMIT,
    CardWords,
    PlanWords,
    card_words,
    either,
    spelled,
)
from cds_service.markdown import bullets, outside_text, own_text, table
from relapse_model.decision import Decision, FactReport, Statement
from relapse_model.facts import Remark
from relapse_model.loader import tables

_MOST_VALUES = 4
_MOST_EVIDENCE = 4
_MOST_REMARKS = 5
_MOST_ROWS = 30
_LONGEST_REMARK = 300

Card = dict[str, Any]


def cards_for(
    decision: Decision,
    remarks: Iterable[Remark] = (),
    *,
    deceased: bool = False,
    words: CardWords | None = None,
) -> list[Card]:
    """The cards of ``decision``: one, or none where the plan is silent or the child has died.

    ``remarks``: what the reading of the record noticed, shown beside the flags. Each card is the
    JSON object of cds-hooks_2.0 "Card Attributes", without nulls or empty values.
    """
    words = words or card_words()
    plan = words.plans[decision.plan]
    if deceased or plan.kind == "silent":
        return []
    topic = words.topics[plan.kind]
    card: Card = {
        "uuid": str(uuid4()),
        "summary": summary(decision, words),
        "detail": "\n\n".join(_sections(decision, tuple(remarks), plan, words)),
        "indicator": "info" if "ALREADY_TREATED" in decision.flags else plan.indicator,
        "source": {
            "label": words.source["label"],
            "url": words.source["url"],
            "topic": {"system": words.source["topic_system"], **topic},
        },
    }
    return [card]


def summary(decision: Decision, words: CardWords) -> str:
    """One sentence under 140 characters (cds-hooks_2.0@83)."""
    plan = words.plans[decision.plan]
    values = {
        "groups": words.listed("s_group", decision.s_group),
        "risk": words.listed("risk", decision.risk),
    }
    if any(not values[name] for name in plan.placeholders & set(values)):
        return plan.summary_plain
    if "missing" in plan.placeholders:
        room = SUMMARY_LIMIT - 1 - len(plan.summary.format(missing="", **values))
        values["missing"] = _as_many_as_fit(asks(decision.wanted, words), room)
        if not values["missing"]:
            return plan.summary_plain
    return plan.summary.format(**values)


def asks(wanted: Sequence[str], words: CardWords) -> list[str]:
    """What to ask for, in clinical words, each once: csf_wbc and csf_blasts are one puncture."""
    return list(dict.fromkeys(words.asks.get(fact, spelled(fact)) for fact in wanted))


def _as_many_as_fit(texts: Sequence[str], room: int) -> str:
    for count in range(len(texts), 0, -1):
        rest = len(texts) - count
        told = ", ".join(texts[:count]) + (f" and {rest} more" if rest else "")
        if len(told) <= room:
            return told
    return ""


def _sections(
    decision: Decision, remarks: Sequence[Remark], plan: PlanWords, words: CardWords
) -> Iterator[str]:
    statements = _by_topic(decision.statements, words)
    yield from _statement_sections(statements, ("plan",), words)
    yield from _section(words, "classification", _classification(decision, words))
    yield from _statement_sections(statements, ("stratification", "missing"), words)
    yield from _section(words, "plans", _plans(decision, words))
    wanted = "missing" if plan.kind == "undecided" else "changes"
    yield from _section(words, wanted, _wanted(decision, words))
    yield from _section(words, "answers", _answers(decision, words))
    yield from _section(words, "facts", _facts(decision, words))
    yield from _section(words, "flags", _flags(decision, remarks, words))
    yield from _section(words, "local_therapy", _local_therapy(decision, words))
    yield from _section(words, "alternatives", _alternatives(decision))
    first = {"stratification", "plan", "missing"}
    rest = [topic for topic in words.statement_topics if topic not in first]
    yield from _statement_sections(statements, rest, words)
    yield f"*{own_text(words.closing['caveat'])}*"
    if decision.statements:
        yield f"*{own_text(words.closing['provenance'])}*"


def _section(words: CardWords, heading: str, body: str) -> Iterator[str]:
    if body:
        yield f"**{own_text(words.headings[heading])}**"
        yield body


def _classification(decision: Decision, words: CardWords) -> str:
    told = (
        words.listed("timing", decision.timing),
        words.listed("site", decision.site),
        decision.cns_status.replace("_", " "),
        words.listed("immunophenotype", decision.immunophenotype),
        words.listed("s_group", decision.s_group),
        words.listed("risk", decision.risk),
        words.listed("mrd", [decision.mrd] if decision.mrd else []),
    )
    heads = words.table_heads["classification"]
    shown = [(head, text) for head, text in zip(heads, told, strict=True) if text]
    # MRD alone ("not used") is no classification: nothing was classified.
    if len(shown) <= 1:
        return ""
    return table([own_text(head) for head, _ in shown], [[own_text(text) for _, text in shown]])


def _facts(decision: Decision, words: CardWords) -> str:
    order = {name: place for place, name in enumerate(tables().facts)}
    on_record = sorted(
        (report for report in decision.facts if report.evidence),
        key=lambda report: order.get(report.fact, len(order)),
    )
    if not on_record:
        return ""
    rows = [_fact_row(report, words) for report in on_record[:_MOST_ROWS]]
    if len(on_record) > _MOST_ROWS:
        rows.append([own_text(words.headings["more"]), "-", "-", "-"])
    return table([own_text(head) for head in words.table_heads["facts"]], rows)


def _fact_row(report: FactReport, words: CardWords) -> list[str]:
    unit = words.units.get(report.unit, report.unit)
    shown = [_value(report.fact, text, unit) for text in report.values[:_MOST_VALUES]]
    value = either(*shown, *(["…"] if len(report.values) > _MOST_VALUES else []))
    if report.note:
        value = f"{value}; {outside_text(report.note)}"
    taken = outside_text(_day_or_days(report.taken)) if report.taken else "-"
    return [own_text(_label(report.fact)), value, taken, _evidence(report.evidence)]


def _day_or_days(text: str) -> str:
    """``2021-03-04`` as it is; ``2021-03-04/2021-04-01`` as ``2021-03-04 to 2021-04-01``."""
    return text.replace("/", " to ")


def _label(fact: str) -> str:
    name = tables().facts.get(fact)
    return name.label if name else spelled(fact)


def _value(fact: str, text: str, unit: str = "") -> str:
    """One value of a fact in words, with its unit; what the model does not list is outside text."""
    name = tables().facts.get(fact)
    if name and text in name.values:
        return own_text(name.values[text])
    if name and name.kind == "date":
        return outside_text(_day_or_days(text))
    return f"{outside_text(text)} {own_text(unit)}".strip()


def _evidence(references: Sequence[str]) -> str:
    shown = [outside_text(reference) for reference in references[:_MOST_EVIDENCE]]
    more = len(references) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _by_topic(statements: Iterable[Statement], words: CardWords) -> Mapping[str, list[Statement]]:
    topics: dict[str, list[Statement]] = {topic: [] for topic in words.statement_topics}
    for statement in statements:
        topics.get(statement.topic, topics["general"]).append(statement)
    return topics


def _statement_sections(
    statements: Mapping[str, list[Statement]], topics: Iterable[str], words: CardWords
) -> Iterator[str]:
    for topic in topics:
        if statements[topic]:
            yield f"**{own_text(words.statement_topics[topic])}**"
            yield bullets(_sentence(item) for item in statements[topic])


def _sentence(statement: Statement) -> str:
    """The sentence with its provenance tag and citation in sight."""
    tag = own_text(f"[{statement.provenance}: {statement.citation}]")
    return f"{own_text(statement.text)} {tag}"


def _plans(decision: Decision, words: CardWords) -> str:
    return bullets(own_text(_plan_short(plan, words)) for plan in decision.plans)


def _wanted(decision: Decision, words: CardWords) -> str:
    return bullets(own_text(text) for text in asks(decision.wanted, words))


def _answers(decision: Decision, words: CardWords) -> str:
    """What each answer would leave; an answer that changes nothing is not worth a row."""
    now = ((decision.plan,), decision.s_group)
    changing = [answer for answer in decision.answers if (answer.plans, answer.s_groups) != now]
    if not changing:
        return ""
    rows = []
    for answer in changing[:_MOST_ROWS]:
        plans = either(*(_plan_short(plan, words) for plan in answer.plans))
        groups = words.listed("s_group", answer.s_groups)
        condition = f"{own_text(_label(answer.fact))}: {_value(answer.fact, answer.answer)}"
        rows.append([condition, own_text(plans) or "-", own_text(groups) or "-"])
    if len(changing) > _MOST_ROWS:
        rows.append([own_text(words.headings["more"]), "-", "-"])
    return table([own_text(head) for head in words.table_heads["answers"]], rows)


def _plan_short(plan: str, words: CardWords) -> str:
    return words.plans[plan].short if plan in words.plans else spelled(plan)


def _flags(decision: Decision, remarks: Sequence[Remark], words: CardWords) -> str:
    flags = dict.fromkeys([*decision.flags, *(remark.flag for remark in remarks)])
    lines = []
    for flag in flags:
        told = [_remark(remark) for remark in remarks if remark.flag == flag]
        if len(told) > _MOST_REMARKS:
            told = [*told[:_MOST_REMARKS], f"and {len(told) - _MOST_REMARKS} more"]
        sentence = own_text(words.flags.get(flag, spelled(flag)))
        lines.append(f"{sentence}: {'; '.join(told)}" if told else sentence)
    return bullets(lines)


def _remark(remark: Remark) -> str:
    text = outside_text(remark.text, _LONGEST_REMARK)
    return f"{text} ({_evidence(remark.evidence)})" if remark.evidence else text


def _local_therapy(decision: Decision, words: CardWords) -> str:
    local = decision.local_therapy
    lines = [words.words["testis"].get(item, spelled(item)) for item in local.testis]
    if local.cns_rt_gy:
        dose = either(*(str(dose) for dose in local.cns_rt_gy))
        lines.append(words.words["local_therapy"]["cns_rt_gy"].format(gy=dose))
    lines += [words.words["undetermined"].get(item, spelled(item)) for item in local.undetermined]
    return bullets(own_text(line) for line in lines)


def _alternatives(decision: Decision) -> str:
    return bullets(
        f"{own_text(item.scheme)}: {own_text(spelled(item.klass))}"
        for item in decision.alternatives
    )
