"""What a decision says of its facts, its sentences and its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from relapse_model.amounts import AmountRange
from relapse_model.decision import Decision, FactReport, Step
from relapse_model.facts import MrdResult, PatientFacts
from relapse_model.loader import Tables
from relapse_model.table import Rule


def fact_reports(facts: PatientFacts, model: Tables) -> tuple[FactReport, ...]:
    """Every fact on record, with the values it may have and where they were read."""
    reports = [
        FactReport(
            fact=name,
            values=tuple(sorted(str(value) for value in known.values)),
            evidence=known.evidence,
            note=known.note,
            unit=model.facts[name].unit if name in model.facts else "",
            taken="" if known.taken is None else str(known.taken),
        )
        for name, known in facts.named().items()
        if known.on_record
    ]
    reports += [_mrd_report(result) for result in facts.mrd]
    return tuple(reports)


def _mrd_report(result: MrdResult) -> FactReport:
    value = str(result.fraction) if isinstance(result.fraction, AmountRange) else "not readable"
    return FactReport(
        fact="mrd",
        values=(value,),
        evidence=result.evidence,
        note=", ".join(part for part in (result.method, result.specimen, result.text) if part),
        unit="fraction" if result.fraction is not None else "",
        taken=str(result.taken),
    )


def with_statements(decision: Decision, facts: PatientFacts, model: Tables) -> Decision:
    """The decision with every sentence that belongs to it."""
    subjects = _subjects(decision, facts)
    return replace(
        decision,
        statements=tuple(row.statement() for row in model.statements if row.holds(subjects)),
    )


def _subjects(decision: Decision, facts: PatientFacts) -> Mapping[str, frozenset[str]]:
    """What the conditions of a statement row speak of (statements.SUBJECTS)."""
    therapy = decision.local_therapy
    lesions = {name for value in facts.genetics.values for name in value.split("+")}
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
        "lesions": frozenset(lesions),
    }


def steps(rules: Iterable[tuple[str, Rule]]) -> tuple[Step, ...]:
    """One step for each table, with the rows that may have fired."""
    by_table: dict[str, list[Rule]] = {}
    for table, rule in rules:
        by_table.setdefault(table, []).append(rule)
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
    )


def _cells(
    rows: Iterable[Mapping[str, frozenset[str]]],
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found: dict[str, set[str]] = {}
    for row in rows:
        for name, cells in row.items():
            found.setdefault(name, set()).update(cells)
    return tuple((name, tuple(sorted(cells))) for name, cells in found.items())
