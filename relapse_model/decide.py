"""From facts to a decision: the order of the rules (clinical model section 0).

Every question is a table (``tables/``). What is not known is carried as all the values it may
have: the tables are read in every possible world, and the decision is what they say together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from relapse_model.caveats import ADVERSE_LESIONS, caveat_flags
from relapse_model.dates import add_months
from relapse_model.decision import Answer, Decision, Model
from relapse_model.facts import PatientFacts
from relapse_model.loader import Tables, tables
from relapse_model.local_therapy import local_therapy
from relapse_model.mrd import MrdClass, mrd_class
from relapse_model.regions import Time
from relapse_model.reports import fact_reports, steps, with_statements
from relapse_model.schemes import Cell, other_schemes
from relapse_model.site import SiteWorlds, site_worlds
from relapse_model.table import Rule
from relapse_model.timing import TimeWorlds, time_worlds
from relapse_model.wanted import Outcome, Outcomes, answers_to, wanted_facts
from relapse_model.worlds import Spread, choice

MODEL_VERSION = "0.1.0"

WITHOUT_MRD = frozenset(
    {
        "OUT_OF_SCOPE_DISEASE",
        "OUT_OF_SCOPE_AGE",
        "NO_RELAPSE",
        "DATA_ERROR",
        "CONFIRM_RELAPSE",
        "TRIAL_PHASE_1_2",
        "EXPERT_POST_HSCT",
        "HSCT_HR",
    }
)
"""Plans that do not look at MRD (``mrd`` = not_used)."""

Fired = dict[str, tuple[str, Rule]]
"""Rows that fired: id -> (table, row)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the tables say together in all worlds.

    ``fired``: the rows that may fire. ``cells``: what the worlds say that come as far as the site.
    ``stratified``: the same, as fields of a decision.
    """

    plan: str
    plans: tuple[str, ...]
    wanted: tuple[str, ...]
    answers: tuple[Answer, ...]
    fired: tuple[tuple[str, Rule], ...]
    cells: frozenset[Cell]
    stratified: Mapping[str, tuple[str, ...]]


def decide(facts: PatientFacts) -> Decision:
    """The decision for one child. Pure: the same facts give the same decision."""
    model = tables()
    time = time_worlds(facts, model)
    if time.impossible and "ALL" in facts.disease.values:
        return _undatable(facts, time, model)
    site = site_worlds(facts, model)
    mrd = mrd_class(facts, model)
    verdict = _verdict(_columns(facts, time, site, mrd, model), model)
    flags = {remark.flag for remark in facts.remarks}
    stratified: dict[str, Any] = {}  # the fields that a decision has from the site on
    fired: list[tuple[str, Rule]] = [*verdict.fired]
    if verdict.cells:
        local = local_therapy(facts, site, model)
        stratified = {
            **verdict.stratified,
            "cns_status": site.cns_status,
            "local_therapy": local.therapy,
            "limits": time.limits,
        }
        uses_mrd = verdict.plan not in WITHOUT_MRD and bool({"S1", "S2"} & {*stratified["s_group"]})
        flags |= time.flags | site.flags | caveat_flags(facts, local.therapy, model)
        flags |= mrd.flags if uses_mrd else set()
        flags |= {flag for _, rule in (*local.fired, *fired) for flag in rule.flags}
        fired += [*time.fired, *site.fired, *local.fired, *(mrd.fired if uses_mrd else ())]
        stratified |= {"mrd": mrd.value} if uses_mrd else {}
        if stratified["s_group"]:
            grouped = frozenset(cell for cell in verdict.cells if cell.s_group)
            others = other_schemes(grouped, time.others, model)
            stratified["alternatives"] = (*others.alternatives, *time.surrogate)
            fired += others.fired
            flags |= {"DEFINITIONS_DIVERGE"} if others.definitions_diverge else set()
    decision = Decision(
        model=Model(MODEL_VERSION, model.digest),
        plan=verdict.plan,
        plans=verdict.plans,
        wanted=verdict.wanted,
        answers=verdict.answers,
        facts=fact_reports(facts, model),
        flags=tuple(sorted(flags)),
        trace=steps(tuple(fired)),
        remarks=tuple(sorted(set(facts.remarks))),
        **stratified,
    )
    return with_statements(decision, facts, model, site.cns)


Columns = tuple[tuple[str, Spread[Any]], ...]
"""The columns of the last question by name, each with all values it may have."""


@lru_cache(maxsize=1_000)
def _verdict(columns: Columns, model: Tables) -> Verdict:
    """The verdict of all worlds, remembered: nothing in ``columns`` is about one child alone."""
    fired: Fired = {}
    outcomes = Outcomes(dict(columns), lambda world: _outcome(world, model, fired))
    found = tuple(fired.values())  # not those of the worlds that are only asked about
    plan, plans = _plan({result.plan for result in outcomes.outcomes})
    wanted = _without_later_states(wanted_facts(outcomes), outcomes, plan)
    cells = frozenset(
        Cell(
            timing=world["time"].timing,
            site=world["site"],
            immunophenotype=world["immunophenotype"],
            s_group=result.s_group,
            risk=result.risk,
        )
        for world, result in zip(outcomes.worlds, outcomes.outcomes, strict=True)
        if result.site
    )
    answers = answers_to(wanted, outcomes)
    return Verdict(plan, plans, wanted, answers, found, cells, _stratified(cells, plan))


def _stratified(cells: frozenset[Cell], plan: str) -> dict[str, tuple[str, ...]]:
    """What the worlds say of time, site and group, as fields of a decision."""
    found = {
        name: tuple(sorted({getattr(cell, name) for cell in cells} - {""}))
        for name in ("timing", "site", "immunophenotype", "s_group", "risk")
    }
    return found | ({"s_group": (), "risk": ()} if plan == "CONFIRM_RELAPSE" else {})


def _outcome(world: Mapping[str, Any], model: Tables, fired: Fired) -> Outcome:
    """Rules R-0a to R-10 in one world; the rows that fired are added to ``fired``."""

    def rule(table: str, **cells: str) -> Rule:
        row = model.decision[table].rule(**cells)
        fired.setdefault(row.id, (table, row))
        return row

    course = rule(
        "course",
        disease=world["disease"],
        age_at_relapse=world["time"].age,
        cr1_achieved=world["cr1_achieved"],
        relapse_number=world["relapse_number"],
    ).then["plan"]
    if course != "first_relapse":
        return Outcome(course)
    if world["site"] in ("none", "m2_unconfirmed"):
        return Outcome("CONFIRM_RELAPSE", site=world["site"])
    s_group = rule(
        "s_group",
        timing=world["time"].timing,
        site=world["site"],
        immunophenotype=world["immunophenotype"],
    ).then["s_group"]
    plan = rule(
        "plan",
        cr2=world["cr2"],
        prior_hsct=world["prior_hsct"],
        s_group=s_group,
        marrow_involved="no" if world["site"] == "isolated_em" else "yes",
        mrd=world["mrd"],
        genetics=world["genetics"],
    ).then["plan"]
    risk = rule("risk", s_group=s_group).then["risk"]
    return Outcome(plan, s_group, risk, world["site"])


def _plan(found: set[str]) -> tuple[str, tuple[str, ...]]:
    """R-3 and R-8: what to answer when the worlds differ, and the plans it could become."""
    if len(found) == 1:
        return found.pop(), ()
    if "CONFIRM_RELAPSE" in found and not found & {"TRIAL_PHASE_1_2", "OUT_OF_SCOPE_AGE"}:
        return "CONFIRM_RELAPSE", ()
    if found == {"HSCT_HR", "HSCT_MRD"}:
        return "HSCT_INVARIANT", ()
    return "INSUFFICIENT_DATA", tuple(sorted(found))


HISTORY_STATES = ("cr2", "prior_hsct")
"""States of R-5 and R-6: not what is missing while the group or the allocation is open."""

ALLOCATING_STATES = ("mrd", "genetics")
"""States that move a child within R-9 and R-10."""


def _without_later_states(
    wanted: tuple[str, ...], outcomes: Outcomes, plan: str
) -> tuple[str, ...]:
    """While plan or relapse is open: of the states only those that change what is answered."""
    if plan not in ("INSUFFICIENT_DATA", "CONFIRM_RELAPSE"):
        return wanted
    columns = outcomes.columns
    kept = []
    for name in wanted:
        state = name in HISTORY_STATES + ALLOCATING_STATES and len(columns[name].results) == 1
        if not state or (
            name in ALLOCATING_STATES
            and any(
                _plan(_plans_if(outcomes, name, results))[0] != plan
                for results in columns[name].answers[name].values()
            )
        ):
            kept.append(name)
    return tuple(kept)


def _plans_if(outcomes: Outcomes, name: str, results: frozenset[str]) -> set[str]:
    """The plans of all worlds if the column ``name`` had these results."""
    return {item.plan for value in results for item in outcomes.with_value(name, value)}


def _columns(
    facts: PatientFacts, time: TimeWorlds, site: SiteWorlds, mrd: MrdClass, model: Tables
) -> Columns:
    """The columns of the last question, each with all values it may have."""
    return (
        ("disease", choice("disease", facts.disease.values)),
        ("relapse_number", choice("relapse_number", facts.relapse_number.values)),
        ("cr1_achieved", choice("cr1_achieved", facts.cr1_achieved.values)),
        ("time", time.spread if time.spread.results else NO_TIME),
        ("site", site.site),
        ("immunophenotype", choice("immunophenotype", facts.immunophenotype.values)),
        ("mrd", _state("mrd", frozenset({mrd.value}), model)),
        ("genetics", _state("genetics", facts.genetics.values, model)),
        ("cr2", _state("cr2", facts.cr2.values, model)),
        ("prior_hsct", _state("prior_hsct", facts.prior_hsct.values, model)),
    )


@lru_cache(maxsize=1_000)
def _state(name: str, values: frozenset[str], model: Tables) -> Spread[str]:
    """A state of the chart, with those that it may change to."""
    cell = _genetics if name == "genetics" else str
    open_states = model.facts[name].open_states
    others = {cell(to) for value in values for to in open_states.get(value, ())}
    return choice(name, frozenset(map(cell, values)), tuple(sorted(others)))


NO_TIME = Spread(frozenset({Time("child", "late")}), {}, {})
"""Dates without meaning, for a disease that the article is not about."""


def _genetics(value: str) -> str:
    return "adverse" if ADVERSE_LESIONS & set(value.split("+")) else "not_adverse"


def _undatable(facts: PatientFacts, time: TimeWorlds, model: Tables) -> Decision:
    """R-0b before R-0c: dates that cannot be true, of an adult or of a child."""
    born = max(item.latest for item in facts.birth_date.values)
    relapsed = min(item.earliest for item in facts.relapse_date.values)
    adult = add_months(born, 12 * model.whole("adult_years")) <= relapsed
    out_of_scope = adult and "0" not in facts.relapse_number.values
    wrong = {name for pair in time.impossible for name in pair} - {"as_of"}
    decision = Decision(
        model=Model(MODEL_VERSION, model.digest),
        plan="OUT_OF_SCOPE_AGE" if out_of_scope else "DATA_ERROR",
        wanted=() if out_of_scope else tuple(sorted(wrong)),
        conflicts=() if out_of_scope else time.impossible,
        remarks=tuple(sorted(set(facts.remarks))),
        flags=tuple(sorted({remark.flag for remark in facts.remarks})),
        facts=fact_reports(facts, model),
    )
    return with_statements(decision, facts, model)
