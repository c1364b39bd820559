"""The clinician's page as HTML: one decision, drawn and told, on record or under a hypothesis.

Pure: the same facts and decision give the same page. Everything is escaped by the templates; the
page asks no other server for anything (``content_policy``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from cds_service.cards.draft import day_or_days, plan_short
from cds_service.cards.markdown import visible_text
from cds_service.cards.mrd_schedule import next_mrd
from cds_service.cards.references import source_and_place
from cds_service.cards.stratification import summary
from cds_service.cards.unreadable import unread
from cds_service.cards.words import CardWords, card_words, either
from cds_service.clinician_page.decision_path import asked_for, grid, steps
from cds_service.clinician_page.fact_words import fact_rows, remark_rows
from cds_service.clinician_page.involvement import involvement
from cds_service.clinician_page.mrd_chart import mrd_chart
from cds_service.clinician_page.scales import months_between
from cds_service.clinician_page.side_by_side import scheme_rows
from cds_service.clinician_page.timeline import timeline
from cds_service.clinician_page.what_if import Hypothesis, compared, form_fields
from relapse_model.decision import Decision, Statement
from relapse_model.facts import PatientFacts
from relapse_model.loader import tables

HEADINGS = {
    "stratification": "Why this group",
    "caveat": "Caveats",
    "mrd": "MRD",
    "local_therapy": "Local treatment",
    "transplantation": "Transplantation",
    "agents": "Agents to discuss",
    "schemes": "Other classifications",
    "general": "For every child",
}
"""Headings of the statements, by topic in the model's order; those of the plan stand above."""

_EXPLAINING = frozenset({"caveat", "stratification", "schemes"})
"""Topics whose statements say what a flag means."""

_FOR_ORIENTATION = frozenset({"EXPERT_POST_HSCT", "TRIAL_PHASE_1_2"})
"""Plans for which Table 1 was not made: a group stands behind the plan, not before it."""

_MONTHS = 12
_MOST_REMARKS = 3
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Cited:
    """A statement with the number of its source."""

    text: str
    provenance: str
    number: int


@dataclass(frozen=True, slots=True)
class Frame:
    """What surrounds the decision.

    ``root``: path before the addresses of this service. ``sealed``: the facts as the form sends
    them back (``facts_seal``); without it the page has no form. ``problem``: why the last form
    could not be answered.
    """

    root: str = ""
    sealed: str = ""
    problem: str = ""


def page_of(
    facts: PatientFacts,
    decision: Decision,
    frame: Frame = Frame(),
    *,
    hypothesis: Hypothesis | None = None,
) -> str:
    """The page of ``decision`` on ``facts``, remarks included.

    ``hypothesis``: shown in place of the record and beside it, marked everywhere.
    """
    shown = _Shown(facts, decision) if hypothesis is None else _assumed(hypothesis)
    context = _context(shown)
    context |= {
        "root": frame.root,
        "problem": frame.problem,
        "carried": frame.sealed,
        "assumptions": hypothesis.assumptions if hypothesis else (),
        "compared": (compared(decision, hypothesis.decision, card_words()) if hypothesis else ()),
        "form": form_fields(facts, decision.wanted, hypothesis.settings if hypothesis else {}),
    }
    return _template("page.html.j2").render(context)


def error_page(title: str, text: str, *, root: str = "") -> str:
    """A page for a request that has no answer; ``text`` is our own and names no value."""
    return _template("error.html.j2").render(title=title, text=text, root=root)


@dataclass(frozen=True, slots=True)
class _Shown:
    """The facts and the decision that the page is drawn from."""

    facts: PatientFacts
    decision: Decision


def _assumed(hypothesis: Hypothesis) -> _Shown:
    return _Shown(hypothesis.facts, hypothesis.decision)


def _context(shown: _Shown) -> dict[str, Any]:
    facts, decision, words = shown.facts, shown.decision, card_words()
    plan = words.plans[decision.plan]
    numbers = _numbers(decision.statements)
    return {
        "decision": decision,
        "child": _child(facts),
        "patient": _patient(facts),
        "born": _born(facts),
        "as_of": facts.as_of.isoformat(),
        "deceased": facts.deceased.values == {"yes"},
        "silent": plan.kind == "silent",
        "unread": words.cards["unreadable"] if unread(decision.remarks) else {},
        "groups": words.listed("s_group", decision.s_group),
        "risk": words.listed("risk", decision.risk),
        "plan_short": plan_short(decision.plan, words),
        "summary": "" if plan.kind == "silent" else summary(decision, words),
        "orientation": decision.plan in _FOR_ORIENTATION,
        "next_options": "" if "ALREADY_TREATED" in decision.flags else plan.next,
        "plans": [plan_short(name, words) for name in decision.plans],
        "classified": _classified(decision, words),
        "flags": _flags(decision, words, numbers),
        "asked": asked_for(decision, words),
        "timeline": timeline(facts, decision, words),
        "grid": grid(decision, words),
        "steps": steps(decision, words),
        "chart": mrd_chart(facts, decision, words),
        "next_mrd": next_mrd(decision, facts.as_of) if decision.mrd == "pending" else None,
        "sites": involvement(facts, decision) if decision.site else (),
        "local": _local_therapy(decision, words),
        "schemes": scheme_rows(facts, decision, words),
        "plan_statements": [_cited(x, numbers) for x in decision.statements if x.topic == "plan"],
        "statements": _by_topic(decision, numbers),
        "facts": fact_rows(decision, words),
        "remarks": remark_rows(decision, words),
        "sources": _sources(decision.statements, numbers),
        "closing": words.closing,
        "article": words.source,
    }


def _child(facts: PatientFacts) -> str:
    """``Boy, 7 years at the relapse``; no name is needed."""
    sexes = {"male": "Boy", "female": "Girl"}
    sex = sexes[next(iter(facts.sex.values))] if facts.sex.decided else "Child"
    if facts.relapse_number.values == {"0"} or not facts.birth_date.decided:
        return sex
    (born,), relapsed = facts.birth_date.values, sorted(facts.relapse_date.values)
    if len(relapsed) != 1 or not (months := months_between(born, relapsed[0])):
        return sex
    years = dict.fromkeys(str(int(count) // _MONTHS) for count in months.split(" to "))
    return f"{sex}, {' to '.join(years)} years at the relapse"


def _patient(facts: PatientFacts) -> str:
    """The Patient resource, where one was read."""
    known = [*facts.birth_date.evidence, *facts.sex.evidence]
    return next((name for name in known if name.startswith("Patient/")), "")


def _born(facts: PatientFacts) -> str:
    """The date of birth, by which the reader knows whose record this is; empty if not certain."""
    (days, *others) = facts.birth_date.values
    return "" if others or not facts.birth_date.on_record else day_or_days(str(days))


def _classified(decision: Decision, words: CardWords) -> list[tuple[str, str]]:
    told = (
        ("Time", words.listed("timing", decision.timing)),
        ("Site", words.listed("site", decision.site)),
        ("CNS", decision.cns_status.replace("_", " ")),
        ("Lineage", words.listed("immunophenotype", decision.immunophenotype)),
        ("MRD", words.listed("mrd", [decision.mrd])),
    )
    shown = [(name, text) for name, text in told if text]
    return shown if decision.timing else []


def _numbers(statements: Iterable[Statement]) -> dict[str, int]:
    """A number for each place that is cited, in the order of the statements."""
    places = dict.fromkeys(statement.citation for statement in statements)
    return {citation: number for number, citation in enumerate(places, start=1)}


def _flags(
    decision: Decision, words: CardWords, numbers: dict[str, int]
) -> list[tuple[str, list[Cited], str]]:
    """Every flag under its name, with the statements that explain it and what was set aside."""
    rows = {row.id: row for row in tables().statements}
    explained: dict[str, list[Cited]] = {name: [] for name in decision.flags}
    for item in decision.statements:
        row = rows.get(item.id)
        if row is None or item.topic not in _EXPLAINING:
            continue
        empty: frozenset[str] = frozenset()
        flags = row.some.get("flags", empty) | row.every.get("flags", empty)
        for name in sorted(flags & set(explained))[:1]:
            explained[name].append(_cited(item, numbers))
    return [
        (words.flags.get(name, name), found, _set_aside(decision, name))
        for name, found in explained.items()
    ]


def _set_aside(decision: Decision, flag: str) -> str:
    """The first remarks under a flag; all of them stand beside the facts."""
    told = [visible_text(item.text, _LONGEST) for item in decision.remarks if item.flag == flag]
    more = [f"and {len(told) - _MOST_REMARKS} more"] if len(told) > _MOST_REMARKS else []
    return "; ".join([*(text.rstrip(".") for text in told[:_MOST_REMARKS]), *more])


def _by_topic(decision: Decision, numbers: dict[str, int]) -> list[tuple[str, str, list[Cited]]]:
    return [
        (topic, heading, found)
        for topic, heading in HEADINGS.items()
        if (found := [_cited(x, numbers) for x in decision.statements if x.topic == topic])
    ]


def _cited(statement: Statement, numbers: dict[str, int]) -> Cited:
    return Cited(statement.text, statement.provenance, numbers[statement.citation])


def _sources(
    statements: Iterable[Statement], numbers: dict[str, int]
) -> list[tuple[str, str, list[tuple[int, str]]]]:
    """Each source once: how it is cited, its address, and the numbered places in it."""
    links = {source.citation: source.link for source in tables().sources.values()}
    found: dict[str, list[tuple[int, str]]] = {}
    for citation in dict.fromkeys(statement.citation for statement in statements):
        source, place = source_and_place(citation)
        found.setdefault(source, []).append((numbers[citation], place))
    return [(source, links.get(source, ""), places) for source, places in found.items()]


def _local_therapy(decision: Decision, words: CardWords) -> list[str]:
    local = decision.local_therapy
    lines = []
    if local.cns_rt_gy:
        dose = either(*(str(dose) for dose in local.cns_rt_gy))
        lines.append(words.words["local_therapy"]["cns_rt_gy"].format(gy=dose))
    lines += [words.words["testis"].get(item, item) for item in local.testis]
    lines += [words.words["undetermined"].get(item, item) for item in local.undetermined]
    return lines


def compile_templates() -> None:
    """Compile every template now; raises jinja2.TemplateSyntaxError naming file and line."""
    for name in _environment().list_templates():
        _template(name)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("cds_service.clinician_page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str) -> Template:
    return _environment().get_template(name)
