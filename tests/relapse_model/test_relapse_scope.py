"""Which children the article is about: disease, age, dates that can be true, a proven relapse."""

from __future__ import annotations

import pytest
from children import amount, day, first_relapse

from relapse_model.decide import decide
from relapse_model.facts import Fact, Remark, fact


def test_dates_in_the_wrong_order_are_a_data_error_that_names_them() -> None:
    """R-0c: the pair is shown, both are wanted, and what was read is still reported."""
    facts = first_relapse(
        birth_date=day("2023-05-01"), remarks=(Remark("UNIT_ASSUMED", "a percentage"),)
    )
    decision = decide(facts)

    assert decision.plan == "DATA_ERROR"
    assert decision.conflicts == (("birth_date", "diagnosis_date"),)
    assert decision.wanted == ("birth_date", "diagnosis_date")
    assert decision.flags == ("UNIT_ASSUMED",)
    assert {item.fact for item in decision.facts} >= {"birth_date", "relapse_date"}
    assert decision.statements
    assert decision.s_group == ()


def test_a_relapse_in_the_future_conflicts_with_today() -> None:
    """Today is no fact of the record, so it is not wanted."""
    decision = decide(first_relapse(relapse_date=day("2027-01-01")))

    assert decision.plan == "DATA_ERROR"
    assert decision.conflicts == (("relapse_date", "as_of"),)
    assert decision.wanted == ("relapse_date",)


@pytest.mark.parametrize(
    ("born", "number", "plan"),
    [
        ("2007-02-15", "1", "OUT_OF_SCOPE_AGE"),
        ("2007-02-16", "1", "DATA_ERROR"),
        ("2007-02-15", "2", "OUT_OF_SCOPE_AGE"),
        ("2007-02-15", "0", "DATA_ERROR"),
    ],
)
def test_an_adult_is_out_of_scope_before_the_dates_are_an_error(
    born: str, number: str, plan: str
) -> None:
    """R-0b before R-0c, from the eighteenth birthday on, and only where there is a relapse."""
    facts = first_relapse(
        birth_date=day(born), diagnosis_date=day("2025-03-01"), relapse_number=fact(number)
    )
    decision = decide(facts)

    assert decision.plan == plan
    assert bool(decision.conflicts) == bool(decision.wanted) == (plan == "DATA_ERROR")


def test_another_disease_is_out_of_scope_whatever_its_dates() -> None:
    """The article is not about it, so its dates are no error."""
    decision = decide(first_relapse(disease=fact("other"), birth_date=day("2023-05-01")))

    assert decision.plan == "OUT_OF_SCOPE_DISEASE"
    assert decision.conflicts == ()


def test_an_unconfirmed_relapse_has_no_group() -> None:
    """R-3: time, site and phenotype are said, group and risk are not."""
    decision = decide(first_relapse(marrow_blasts=amount(12)))

    assert decision.plan == "CONFIRM_RELAPSE"
    assert (decision.timing, decision.site) == (("late",), ("m2_unconfirmed",))
    assert decision.immunophenotype == ("BCP",)
    assert (decision.s_group, decision.risk) == ((), ())
    assert decision.wanted == ("marrow_confirmation",)


def test_an_unconfirmed_relapse_of_several_readings_has_no_group_either() -> None:
    """R-3 also where one reading of the marrow would be a relapse."""
    decision = decide(first_relapse(marrow_blasts=amount(12, 80)))

    assert decision.plan == "CONFIRM_RELAPSE"
    assert decision.wanted == ("marrow_blasts", "marrow_confirmation")
    assert (decision.s_group, decision.risk) == ((), ())


@pytest.mark.parametrize(
    "open_", [{"relapse_number": fact("1", "2")}, {"birth_date": day("2017-05-01", "2001-01-01")}]
)
def test_confirmation_does_not_come_before_scope(open_: dict[str, Fact[object]]) -> None:
    """R-3 decides only once neither a second relapse nor an adult is among the readings."""
    decision = decide(first_relapse(marrow_blasts=amount(12), **open_))

    assert decision.plan == "INSUFFICIENT_DATA"
    assert "CONFIRM_RELAPSE" in decision.plans
    assert (decision.s_group, decision.risk) == ((), ())
