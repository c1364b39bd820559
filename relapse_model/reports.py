"""What a decision says of its facts, its sentences and its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache

from relapse_model.dates import add_months
from relapse_model.decision import Decision, FactReport, Statement, Step
from relapse_model.donors import donor_kinds
from relapse_model.facts import ANY_AMOUNT, MrdResult, PatientFacts
from relapse_model.loader import DECISION_TABLES, Tables
from relapse_model.mrd import why_unused
from relapse_model.table import Rule


def fact_reports(facts: PatientFacts, model: Tables) -> tuple[FactReport, ...]:
    """Every fact on record, with the values it may have and where they were read."""
    reports = [
        FactReport(
            name,
            tuple(sorted([str(value) for value in known.values])),
            known.evidence,
            known.note,
            model.facts[name].unit if name in model.facts else "",
            "" if known.taken is None else str(known.taken),
        )
        for name, known in facts.named().items()
        if known.evidence
    ]
    return (*reports, *map(_mrd_report, facts.mrd))


def _mrd_report(result: MrdResult) -> FactReport:
    parts = (result.method, result.specimen, result.text, why_unused(result))
    return FactReport(
        "mrd",
        ("not readable" if result.fraction is None else str(result.fraction),),
        result.evidence,
        ", ".join(part for part in parts if part),
        "" if result.fraction is None else "fraction",
        str(result.taken),
    )


def with_statements(
    decision: Decision, facts: PatientFacts, model: Tables, cns: frozenset[str] = frozenset()
) -> Decision:
    """The decision with every sentence that belongs to it; ``cns``: see SiteWorlds."""
    subjects = _decision_subjects(decision) | _child_subjects(facts, model, cns)
    statements = _statements(tuple(subjects), tuple(subjects.values()), model)
    return replace(decision, statements=statements)


@lru_cache(maxsize=1_000)
def _statements(
    subjects: tuple[str, ...], values: tuple[frozenset[str], ...], model: Tables
) -> tuple[Statement, ...]:
    known = dict(zip(subjects, values, strict=True))
    return tuple(row.statement() for row in model.statements if row.holds(known))


def _decision_subjects(decision: Decision) -> dict[str, frozenset[str]]:
    """What the conditions of a statement row may say of the decision (statements.SUBJECTS)."""
    therapy = decision.local_therapy
    return {
        "plan": frozenset({decision.plan}),
        "plans": frozenset(decision.plans or {decision.plan}),
        "timing": frozenset(decision.timing),
        "site": frozenset(decision.site),
        "immunophenotype": frozenset(decision.immunophenotype),
        "s_group": frozenset(decision.s_group),
        "risk": frozenset(decision.risk),
        "mrd": frozenset({decision.mrd}),
        "cns_status": frozenset({decision.cns_status} - {""}),
        "cns_rt_gy": frozenset(str(dose) for dose in therapy.cns_rt_gy),
        "testis": frozenset(therapy.testis),
        "undetermined": frozenset(therapy.undetermined),
        "flags": frozenset(decision.flags),
        "rules": frozenset(rule for step in decision.trace for rule in step.rules),
    }


def _child_subjects(
    facts: PatientFacts, model: Tables, cns: frozenset[str]
) -> dict[str, frozenset[str]]:
    """What they may say of the child."""
    lesions = {name for value in facts.genetics.values for name in value.split("+")}
    testes = facts.testis_left.values | facts.testis_right.values
    biopsies = facts.testis_biopsy_left.on_record or facts.testis_biopsy_right.on_record
    return {
        "abl_mutation": facts.abl_mutation.values,
        "age_at_relapse": _ages(facts, model),
        "cns_disease": cns,
        "cr1_achieved": facts.cr1_achieved.values,
        "cr2": facts.cr2.values,
        "donors": donor_kinds(facts.donors),
        "genetics_taken": _genetics_taken(facts),
        "hsct_after_relapse": facts.hsct_after_relapse.values,
        "lesions": frozenset(lesions),
        "lineage": facts.immunophenotype.values,
        "on_therapy": facts.on_therapy.values,
        "other_em": facts.other_em.values,
        "prior_cranial_rt": frozenset(
            {"unknown" if facts.prior_cranial_rt_gy == ANY_AMOUNT else "known"}
        ),
        "prior_hsct": facts.prior_hsct.values,
        "relapse_number": facts.relapse_number.values,
        "sex": facts.sex.values,
        "testis_finding": frozenset(
            {"none" if testes == {"not_involved"} and not biopsies else "found"}
        ),
    }


def _genetics_taken(facts: PatientFacts) -> frozenset[str]:
    """Whether the genetics on record were certainly found before the relapse; empty if undated."""
    taken = facts.genetics.taken
    if taken is None:
        return frozenset()
    before = all(taken.latest < relapse.earliest for relapse in facts.relapse_date.values)
    return frozenset({"before_relapse" if before else "at_relapse"})


def _ages(facts: PatientFacts, model: Tables) -> frozenset[str]:
    """Whether the child was under 4 years at the relapse (FORUM's lower age)."""
    months = 12 * model.whole("forum_from_years")
    born = facts.birth_date.values
    relapsed = facts.relapse_date.values
    ages = set()
    if any(add_months(b.earliest, months) <= r.latest for b in born for r in relapsed):
        ages.add("4_or_more")
    if any(add_months(b.latest, months) > r.earliest for b in born for r in relapsed):
        ages.add("under_4")
    return frozenset(ages)


@lru_cache(maxsize=1_000)
def steps(rules: tuple[tuple[str, Rule], ...]) -> tuple[Step, ...]:
    """One step for each table, in the order of the questions, with the rows that may have fired."""
    by_table: dict[str, list[Rule]] = {table: [] for table in DECISION_TABLES}
    for table, rule in rules:
        if rule not in by_table[table]:
            by_table[table].append(rule)
    return tuple(
        Step(
            table=table,
            rules=tuple(rule.id for rule in found),
            given=_cells(rule.when for rule in found),
            concluded=_cells(
                {name: frozenset({cell}) for name, cell in rule.then.items()} for rule in found
            ),
        )
        for table, found in by_table.items()
        if found
    )


def _cells(
    rows: Iterable[Mapping[str, frozenset[str]]],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, cells in row.items():
            found.setdefault(name, set()).update(cells)
    return tuple((name, tuple(sorted(cells))) for name, cells in found.items())
