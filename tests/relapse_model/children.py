"""Invented children for the tests of the model: one complete first relapse, to be varied."""

from __future__ import annotations

from datetime import date
from typing import Any

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, partial_date
from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import Fact, PatientFacts, fact

TODAY = date(2026, 11, 22)


def day(*texts: str) -> Fact[DateRange]:
    """A date fact that may be any of the (partial) dates."""
    return fact(*(partial_date(text) for text in texts), evidence=["Condition/1"])


def amount(*values: object) -> Fact[AmountRange]:
    """An amount fact that may be any of the values."""
    return fact(*(exactly(str(value)) for value in values), evidence=["Observation/1"])


def first_relapse(**changes: Any) -> PatientFacts:
    """A late isolated marrow relapse of BCP ALL, every fact of the stratification known."""
    complete = PatientFacts(
        as_of=TODAY,
        birth_date=day("2017-05-01"),
        disease=fact("ALL", evidence=["Condition/1"]),
        immunophenotype=fact("BCP", evidence=["Condition/1"]),
        diagnosis_date=day("2022-01-10"),
        cr1_date=day("2022-02-12"),
        therapy_end=day("2024-01-10"),
        on_therapy=fact("no"),
        relapse_number=fact("1", evidence=["Condition/2"]),
        relapse_date=day("2025-02-15"),
        marrow_blasts=amount(80),
        csf_wbc=amount(1),
        csf_rbc=amount(0),
        csf_blasts=fact("not_seen", evidence=["Observation/2"]),
    )
    return complete.with_facts(**changes)


CNS3 = {"csf_wbc": amount(42), "csf_rbc": amount(2), "csf_blasts": fact("seen")}
"""CSF findings of an overt CNS relapse."""


def early(**changes: Fact[object] | tuple[object, ...]) -> Decision:
    """An early marrow relapse of BCP ALL: isolated is S3, combined is S2."""
    return decide(first_relapse(**{"relapse_date": day("2024-03-20"), **changes}))


def tables_read(decision: Decision) -> dict[str, tuple[str, ...]]:
    """The rows that may have fired, by table."""
    return {step.table: step.rules for step in decision.trace}
