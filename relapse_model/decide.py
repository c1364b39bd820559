"""From facts to a decision: the order of the rules (clinical model section 0).

Every question is a table (``tables/``). What is not known is carried as all the values it may
have: the tables are read in every possible world, and the decision is what they say together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from relapse_model.caveats import ADVERSE_LESIONS, caveat_flags
from relapse_model.dates import add_months
from relapse_model.decision import Decision, LocalTherapy, Model
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
from relapse_model.wanted import Outcome, answers_to, wanted_facts, worlds_of
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


def decide(facts: PatientFacts) -> Decision:
    """The decision for one child. Pure: the same facts give the same decision."""
    model = tables()
    time = time_worlds(facts, model)
    if time.impossible and "ALL" in facts.disease.values:
        return _undatable(facts, time, model)
    site = site_worlds(facts, model)
    mrd = mrd_class(facts, model)
    columns = _columns(facts, time, site, mrd, model)
    fired: Fired = {}
    outcomes = [(world, _outcome(world, model, fired)) for world in worlds_of(columns)]

    def outcome(world: Mapping[str, Any]) -> Outcome:
        return _outcome(world, model, {})

    plan, plans = _plan({result.plan for _, result in outcomes})
    wanted = _without_later_states(wanted_facts(columns, outcome), columns, outcome, plan)
    decision = Decision(
        model=Model(MODEL_VERSION, model.digest),
        plan=plan,
        plans=plans,
        wanted=wanted,
        answers=answers_to(wanted, columns, outcome),
        facts=fact_reports(facts, model),
        remarks=tuple(sorted(set(facts.remarks))),
    )
    flags = {remark.flag for remark in facts.remarks}
    reached = [(world, result) for world, result in outcomes if result.site]
    if reached:
        local = local_therapy(facts, site, model)
        decision = _stratified(decision, reached, site, local.therapy)
        decision = replace(decision, limits=time.limits)
        uses_mrd = plan not in WITHOUT_MRD and bool({"S1", "S2"} & set(decision.s_group))
        rows = [*time.fired, *site.fired, *local.fired, *(mrd.fired if uses_mrd else ())]
        flags |= time.flags | site.flags | caveat_flags(facts, local.therapy, model)
        if uses_mrd:
            decision = replace(decision, mrd=mrd.value)
            flags |= mrd.flags
        if decision.s_group:
            others = other_schemes(_cells(reached), time.others, model)
            decision = replace(decision, alternatives=(*others.alternatives, *time.surrogate))
            rows += others.fired
            flags |= {"DEFINITIONS_DIVERGE"} if others.definitions_diverge else set()
        certain = [*local.fired, *fired.values()]
        flags |= {flag for _, rule in certain for flag in rule.flags}
        fired |= {rule.id: (table, rule) for table, rule in rows}
    decision = replace(decision, flags=tuple(sorted(flags)), trace=steps(fired.values()))
    return with_statements(decision, facts, model, site.cns)


Reached = Sequence[tuple[Mapping[str, Any], Outcome]]
"""Worlds whose evaluation came as far as the site, with what they lead to."""


def _stratified(
    decision: Decision, reached: Reached, site: SiteWorlds, therapy: LocalTherapy
) -> Decision:
    """The decision with what the worlds say of time, site, group and local therapy."""
    confirm = decision.plan == "CONFIRM_RELAPSE"
    return replace(
        decision,
        timing=_found(world["time"].timing for world, _ in reached),
        site=_found(world["site"] for world, _ in reached),
        immunophenotype=_found(world["immunophenotype"] for world, _ in reached),
        s_group=() if confirm else _found(result.s_group for _, result in reached),
        risk=() if confirm else _found(result.risk for _, result in reached),
        cns_status=site.cns_status,
        local_therapy=therapy,
    )


def _cells(reached: Reached) -> set[Cell]:
    """The cells of Table 1 that the worlds are in."""
    return {
        Cell(
            world["time"].timing,
            world["site"],
            world["immunophenotype"],
            result.s_group,
            result.risk,
        )
        for world, result in reached
        if result.s_group
    }


def _found(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values) - {""}))


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
    wanted: tuple[str, ...],
    columns: Mapping[str, Spread[Any]],
    outcome: Callable[[Mapping[str, Any]], Outcome],
    plan: str,
) -> tuple[str, ...]:
    """While plan or relapse is open: of the states only those that change what is answered."""
    if plan not in ("INSUFFICIENT_DATA", "CONFIRM_RELAPSE"):
        return wanted
    kept = []
    for name in wanted:
        state = name in HISTORY_STATES + ALLOCATING_STATES and len(columns[name].results) == 1
        if not state or (
            name in ALLOCATING_STATES
            and any(
                _plan(_plans_if(columns, outcome, name, results))[0] != plan
                for results in columns[name].answers[name].values()
            )
        ):
            kept.append(name)
    return tuple(kept)


def _plans_if(
    columns: Mapping[str, Spread[Any]],
    outcome: Callable[[Mapping[str, Any]], Outcome],
    name: str,
    results: frozenset[str],
) -> set[str]:
    """The plans of all worlds if the column ``name`` had these results."""
    changed = {**columns, name: Spread(results, {}, {})}
    return {outcome(world).plan for world in worlds_of(changed)}


def _columns(
    facts: PatientFacts, time: TimeWorlds, site: SiteWorlds, mrd: MrdClass, model: Tables
) -> dict[str, Spread[Any]]:
    """The columns of the last question, each with all values it may have."""

    def states(name: str, values: Iterable[str]) -> list[str]:
        open_states = model.facts[name].open_states
        return [to for value in values for to in open_states.get(value, ())]

    genetics = frozenset(_genetics(value) for value in facts.genetics.values)
    other_genetics = [_genetics(v) for v in states("genetics", facts.genetics.values)]
    columns: dict[str, Spread[Any]] = {
        "disease": choice("disease", facts.disease.values),
        "relapse_number": choice("relapse_number", facts.relapse_number.values),
        "cr1_achieved": choice("cr1_achieved", facts.cr1_achieved.values),
        "time": time.spread if time.spread.results else _no_time(),
        "site": site.site,
        "immunophenotype": choice("immunophenotype", facts.immunophenotype.values),
        "mrd": choice("mrd", frozenset({mrd.value}), states("mrd", [mrd.value])),
        "genetics": choice("genetics", genetics, other_genetics),
        "cr2": choice("cr2", facts.cr2.values, states("cr2", facts.cr2.values)),
        "prior_hsct": choice(
            "prior_hsct", facts.prior_hsct.values, states("prior_hsct", facts.prior_hsct.values)
        ),
    }
    return columns


def _no_time() -> Spread[Time]:
    """Dates without meaning, for a disease that the article is not about."""
    return Spread(frozenset({Time("child", "late")}), {}, {})


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
