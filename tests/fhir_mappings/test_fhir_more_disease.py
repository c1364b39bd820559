"""Results of several days at one relapse: more disease is never dropped in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relapse_model.decide import decide
from relapse_model.facts import PatientFacts, fact

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]


@pytest.fixture
def first_tap(result: Write) -> Record:
    """A clean lumbar puncture on the day after the relapse."""
    when = {"effectiveDateTime": "2024-03-21"}
    return [
        result("loinc 806-0", 1, "/uL", **when),
        result("loinc 26454-9", 0, "/uL", **when),
        result("loinc 26447-3", 0, "%", **when),
    ]


@pytest.mark.parametrize("day", ["2024-03-15", "2024-03-24", "2024-04-01"])
def test_a_second_tap_with_blasts_stays_possible_and_is_flagged(
    read: Read, relapsed: Record, result: Write, first_tap: Record, day: str
) -> None:
    """Early BCP relapse: the CNS may be involved, so the group is open, not S3."""
    second = [
        result("loinc 806-0", 50, "/uL", effectiveDateTime=day),
        result("loinc 26447-3", 80, "%", effectiveDateTime=day),
    ]
    marrow = result("loinc 11150-0", 80, "%")
    facts = read(*relapsed, marrow, *first_tap, *second)
    assert facts.csf_blasts.values == {"seen", "not_seen"}
    assert "SITE_CONFLICT" in {remark.flag for remark in facts.remarks}

    decision = decide(facts.with_facts(immunophenotype=fact("BCP"), on_therapy=fact("yes")))
    assert decision.site == ("combined", "isolated_bm")


def test_a_later_cleaner_result_changes_nothing(
    read: Read, relapsed: Record, result: Write, first_tap: Record
) -> None:
    """Response to treatment: the nearest result counts and nothing is flagged."""
    marrow = result("loinc 11150-0", 80, "%")
    later = [
        result("loinc 11150-0", 2, "%", effectiveDateTime="2024-04-02"),
        result("loinc 806-0", 0, "/uL", effectiveDateTime="2024-03-28"),
    ]
    facts = read(*relapsed, marrow, *first_tap, *later)
    assert {str(value) for value in facts.marrow_blasts.values} == {"80"}
    assert {str(value) for value in facts.csf_wbc.values} == {"1"}
    assert facts.remarks == ()


def test_a_marrow_far_from_the_relapse_on_record_is_named(
    read: Read, relapsed: Record, result: Write
) -> None:
    """Fifteen days before the coded relapse: not used, and said so with the distance."""
    marrow = result("loinc 11150-0", 80, "%", effectiveDateTime="2024-03-05")
    facts = read(*relapsed, marrow)
    (remark,) = facts.remarks
    assert remark.flag == "DATA_INCOMPLETE"
    assert "15 days" in remark.text
    assert remark.evidence
