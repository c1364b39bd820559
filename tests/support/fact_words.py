"""Facts and remarks as tests like to compare them."""

from __future__ import annotations

from typing import Any

from relapse_model.facts import PatientFacts


def values(fact: Any) -> set[str]:
    """Values of a fact as text."""
    return {str(value) for value in fact.values}


def noticed(facts: PatientFacts) -> list[tuple[str, tuple[str, ...]]]:
    """Flag and resources of every remark."""
    return [(remark.flag, remark.evidence) for remark in facts.remarks]


def of(resource: dict[str, Any]) -> tuple[str, ...]:
    """The reference of a resource, as evidence."""
    return (f"{resource['resourceType']}/{resource['id']}",)
