"""What the model remembers between children: answers of its tables, and nothing of a child."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

from children import first_relapse
from hypothesis import given, settings
from hypothesis import strategies as st
from memories import memories, reachable

import relapse_model
from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, add_months, known
from relapse_model.decide import decide
from relapse_model.facts import (
    ANY_AMOUNT,
    ANY_DAY,
    ANY_PERCENTAGE,
    Fact,
    MrdResult,
    PatientFacts,
    fact,
)
from relapse_model.loader import tables

CHOICES = {
    "disease": ("ALL", "mature_B", "other"),
    "immunophenotype": ("BCP", "T"),
    "cr1_achieved": ("yes", "no"),
    "on_therapy": ("yes", "no"),
    "therapy_completed": ("yes", "no"),
    "relapse_number": ("0", "1", "2"),
    "marrow_confirmation": ("not_reported", "confirmed"),
    "csf_blasts": ("seen", "not_seen"),
    "cranial_nerve_palsy": ("yes", "no"),
    "cns_imaging": ("leukaemia", "no_leukaemia"),
    "cns_site": ("asserted", "not_asserted"),
    "testis_left": ("involved", "not_involved"),
    "testis_biopsy_left": ("positive", "negative"),
    "other_em": ("none", "unproven", "proven"),
    "genetics": ("not_reported", "none", "KMT2A-r"),
    "cr2": ("not_assessed", "achieved", "not_achieved"),
    "prior_hsct": ("yes", "no"),
    "prior_tbi": ("yes", "no"),
    "sex": ("female", "male"),
}
COUNTS = {
    "marrow_blasts": (ANY_PERCENTAGE, 2, 12, 80),
    "csf_wbc": (ANY_AMOUNT, 2, 5, 300),
    "csf_rbc": (ANY_AMOUNT, 2, 10, 3000),
    "blood_wbc": (ANY_AMOUNT, 1000, 90000),
    "blood_rbc": (ANY_AMOUNT, 4000000),
    "prior_cranial_rt_gy": (ANY_AMOUNT, 0, 18, 24),
}


def caches() -> Iterator[Any]:
    """Everything in the packages of the model that remembers, but for the tables themselves."""
    return memories(relapse_model)


def forget() -> None:
    """Empty every memory."""
    for cache in caches():
        cache.cache_clear()


@st.composite
def counts(draw: st.DrawFn, options: tuple[Any, ...]) -> Fact[AmountRange]:
    """An amount that is unknown, known, or one of two."""
    chosen = draw(st.lists(st.sampled_from(options), min_size=1, max_size=2, unique_by=str))
    if any(isinstance(option, Fact) for option in chosen):
        return next(option for option in chosen if isinstance(option, Fact))
    return fact(*(exactly(str(option)) for option in chosen), evidence=["Observation/1"])


@st.composite
def days(draw: st.DrawFn, first: date) -> Fact[DateRange]:
    """A date that is unknown, known, or known to some weeks only."""
    if draw(st.integers(0, 4)) == 0:
        return ANY_DAY
    start = first + timedelta(days=draw(st.integers(-40, 40)))
    end = start + timedelta(days=draw(st.sampled_from([0, 0, 0, 30])))
    return fact(DateRange(start, end), evidence=["Condition/1"])


@st.composite
def children(draw: st.DrawFn) -> PatientFacts:
    """Children in any partial state, their dates around the thresholds."""
    diagnosis = date(2021, 8, 31)
    relapse = add_months(diagnosis, draw(st.sampled_from([12, 18, 24, 30, 36])))
    changes: dict[str, Any] = {
        name: fact(*draw(st.sets(st.sampled_from(options), min_size=1, max_size=2)))
        for name, options in CHOICES.items()
        if draw(st.booleans())
    }
    changes |= {
        name: draw(counts(options)) for name, options in COUNTS.items() if draw(st.booleans())
    }
    if draw(st.booleans()):
        taken = known(relapse + timedelta(days=draw(st.sampled_from([20, 35, 84]))))
        level = exactly(draw(st.sampled_from(["0.00001", "0.0001", "0.01"])))
        changes["mrd"] = (MrdResult(taken, level, "flow", "marrow", "", ("Observation/9",)),)
    return first_relapse(
        birth_date=draw(days(date(2012, 5, 1))),
        diagnosis_date=draw(days(diagnosis)),
        cr1_date=draw(days(add_months(diagnosis, 1))),
        therapy_end=draw(days(add_months(relapse, draw(st.sampled_from([-12, -6, 0]))))),
        relapse_date=draw(days(relapse)),
        **changes,
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(children(), min_size=2, max_size=4))
def test_what_was_decided_before_changes_no_later_decision(asked: list[PatientFacts]) -> None:
    """A decision out of memory, in any order of children, is that of a program just started."""
    remembered = [decide(facts) for facts in (*asked, *reversed(asked))][-len(asked) :]

    fresh = []
    for facts in reversed(asked):
        forget()
        fresh.append(decide(facts))

    assert remembered == fresh


def test_nothing_of_a_child_is_remembered() -> None:
    """No date, count, reference or remark of a child is reachable from what is remembered."""
    born, relapsed, asked = date(2017, 2, 13), date(2025, 3, 27), date(2026, 5, 17)
    diagnosed, ended = date(2021, 7, 9), date(2024, 1, 23)
    days = {
        "birth_date": born,
        "diagnosis_date": diagnosed,
        "cr1_date": diagnosed + timedelta(days=41),
        "therapy_end": ended,
        "relapse_date": relapsed,
    }
    limits = (add_months(diagnosed, 18), add_months(ended, 6))
    blasts = exactly("71.3")
    decision = decide(
        first_relapse(
            as_of=asked,
            **{name: fact(known(day), evidence=["Patient/canary"]) for name, day in days.items()},
            marrow_blasts=fact(blasts, evidence=["Observation/canary"], note="canary"),
            mrd=(MrdResult(known(relapsed), blasts, "flow", "marrow", "canary", ("canary",)),),
        )
    )
    assert "canary" in str(decision.facts)
    assert {limit.day for limit in decision.limits} == {str(day) for day in limits}

    found = list(reachable(list(caches())))

    assert len(found) > len(list(caches()))
    told = ("canary", *(str(day) for day in (*days.values(), *limits, asked)))
    assert not [text for text in found if isinstance(text, str) and any(t in text for t in told)]
    assert not [day for day in found if day in (*days.values(), *limits, asked)]
    assert not [value for value in found if value in (blasts, blasts.low)]


def test_the_traumatic_tap_is_asked_about_only_where_both_counts_reach_their_limits() -> None:
    """The counts are compared once for both; elsewhere the table must not ask."""
    table = tables().decision["cns"]
    columns = {name: cells for name, cells in table.columns.items() if "beyond" not in name}
    for cells in product(*columns.values()):
        world = dict(zip(columns, cells, strict=True))
        rows = {
            table.rule(**world, beyond_contamination=beyond).id
            for beyond in table.columns["beyond_contamination"]
        }
        reached = (world["csf_leukocytes"], world["csf_erythrocytes"]) == (
            "5_or_more",
            "10_or_more",
        )
        assert len(rows) == 1 or reached, world
