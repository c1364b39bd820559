"""What each answer to a question would leave."""

from __future__ import annotations

from children import CNS3, day, early, first_relapse

from relapse_model.decide import decide
from relapse_model.decision import Decision
from relapse_model.facts import (
    ANY_DAY,
    fact,
)


def left(decision: Decision, name: str) -> dict[str, tuple[str, ...]]:
    """The groups that each answer to a wanted fact would leave."""
    return {item.answer: item.s_groups for item in decision.answers if item.fact == name}


def test_answers_on_therapy_leave_the_groups_of_their_own_worlds() -> None:
    """On therapy is early, hence S3; off therapy may be either."""
    decision = decide(
        first_relapse(
            relapse_date=day("2023-12-05"), therapy_end=ANY_DAY, on_therapy=fact("yes", "no")
        )
    )

    assert left(decision, "on_therapy") == {"yes": ("S3",), "no": ("S2", "S3")}
    assert left(decision, "therapy_end") == {"early": ("S3",), "late": ("S2",)}


def test_answers_on_a_date_are_the_timings_it_may_give() -> None:
    """Combined BCP: very early is S4, early is S2."""
    decision = decide(
        first_relapse(
            diagnosis_date=day("2022"),
            cr1_date=day("2022"),
            relapse_date=day("2023-08-01"),
            on_therapy=fact("yes"),
            **CNS3,
        )
    )

    assert left(decision, "diagnosis_date") == {"early": ("S2",), "very_early": ("S4",)}


def test_an_answer_out_of_scope_leaves_no_group() -> None:
    """An adult and a second relapse have none."""
    ages = decide(first_relapse(birth_date=day("2001-01-01", "2017-05-01")))
    numbers = decide(first_relapse(relapse_number=fact("1", "2")))

    assert left(ages, "birth_date") == {"adult": (), "child": ("S2",)}
    assert left(numbers, "relapse_number") == {"1": ("S2",), "2": ()}


def test_the_risk_is_that_of_the_groups() -> None:
    """One risk for one group, both where two groups are open."""
    assert decide(first_relapse()).risk == ("IR",)
    assert early().risk == ("HR",)
    assert early(other_em=fact("unproven")).risk == ("HR", "IR")
