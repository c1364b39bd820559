"""A file of facts written by hand: what each entry is read as, and what is refused."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from children import TODAY

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, partial_date
from relapse_model.errors import FactsError
from relapse_model.facts import Donor, Fact, MrdResult, PatientFacts
from relapse_model.facts_file import facts_from


def test_a_file_of_facts_is_read_whole() -> None:
    """Every kind of entry, each into its fact; what is left out is silent."""
    facts = facts_from(
        {
            "as_of": "2026-11",
            "sex": "male",
            "relapse_number": 1,
            "relapse_date": ["2024-02", "2024-03-01"],
            "marrow_blasts": " 1 to 5 ",
            "csf_wbc": ["<5", ">= 25"],
            "relapse_therapy_start": "2024-03-05",
            "mrd": {"taken": "2024-04-20", "fraction": "<0.0001", "method": "ngs"},
            "donors": [{"kind": "unrelated", "match": "7/8"}, {"kind": "cord_blood"}],
            "genetics": "BCR-ABL1+ETV6-RUNX1+KMT2A-r+hypodiploid",
        }
    )
    hand = ("hand-written",)

    assert facts.as_of == date(2026, 11, 30)
    assert facts.sex == Fact(frozenset({"male"}), hand)
    assert facts.relapse_number == Fact(frozenset({"1"}), hand)
    assert facts.relapse_date == Fact(
        frozenset({partial_date("2024-02"), partial_date("2024-03-01")}), hand
    )
    assert facts.marrow_blasts == Fact(frozenset({AmountRange(Decimal(1), Decimal(5))}), hand)
    assert facts.csf_wbc == Fact(
        frozenset(
            {
                AmountRange(Decimal(0), Decimal(5), high_open=True),
                AmountRange(Decimal(25), None),
            }
        ),
        hand,
    )
    assert facts.relapse_therapy_start == Fact(frozenset({partial_date("2024-03-05")}), hand)
    assert facts.mrd == (
        MrdResult(
            partial_date("2024-04-20"),
            AmountRange(Decimal(0), Decimal("0.0001"), high_open=True),
            "ngs",
            "unknown",
            "",
            hand,
        ),
    )
    assert facts.donors == (
        Donor("unrelated", "7/8", evidence=hand),
        Donor("cord_blood", "", evidence=hand),
    )
    assert facts.csf_rbc == PatientFacts(as_of=TODAY).csf_rbc


def test_an_mrd_entry_may_say_only_its_day() -> None:
    """What is left out is unknown; text and specimen are kept."""
    bare, full = facts_from(
        {
            "mrd": [
                {"taken": "2024"},
                {"taken": "2024", "specimen": "blood", "text": "0.1 %", "method": "flow"},
            ]
        },
        TODAY,
    ).mrd

    assert (bare.taken, bare.fraction) == (
        DateRange(date(2024, 1, 1), date(2024, 12, 31)),
        None,
    )
    assert (bare.method, bare.specimen, bare.text) == ("unknown", "unknown", "")
    assert (full.method, full.specimen, full.text) == ("flow", "blood", "0.1 %")


def test_a_range_of_one_amount_is_that_amount() -> None:
    """Its bounds are not in the wrong order."""
    facts = facts_from({"csf_wbc": "5 to 5"}, TODAY)

    assert facts.csf_wbc.values == {exactly(5)}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"as_of": True}, "as_of: is not a text"),
        ({"mrd": [{"taken": "2024-02-30"}]}, "mrd[0].taken: is not a day"),
        ({"mrd": [{"taken": "2024", "fraction": "x"}]}, "mrd[0].fraction: is not an amount"),
        ({"mrd": [{"taken": "2024", "specimen": "x"}]}, "mrd[0].specimen: is 'x', not one of"),
        ({"donors": [{}]}, "donors[0].kind: is '', not one of sibling, related"),
        ({"donors": ["x"]}, "donors[0]: is not an object"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_with_its_place(
    entry: dict[str, object], said: str
) -> None:
    """Which entry of the list, and which part of it."""
    with pytest.raises(FactsError) as refused:
        facts_from(entry, TODAY)

    assert str(refused.value).startswith(said)
