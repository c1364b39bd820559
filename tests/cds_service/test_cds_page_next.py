"""What the clinician's page has in common with the first card, and what it measures by."""

from __future__ import annotations

import pytest
from markupsafe import escape
from sample_facts import sample_facts

from cds_service.cards.words import card_words
from cds_service.clinician_page.page import page_of
from cds_service.sample_patients.samples import samples
from relapse_model.decide import decide


@pytest.mark.parametrize("patient_id", list(samples()))
def test_the_page_says_what_comes_next_as_the_first_card_does(patient_id: str) -> None:
    """Options of the plan; nothing for a child who has died or is outside the article."""
    facts = sample_facts(patient_id)
    decision = decide(facts)
    page = page_of(facts, decision)
    told = card_words().plans[decision.plan].next
    died = facts.deceased.values == {"yes"}
    assert ("Next, as options" in page) == (bool(told) and not died)
    assert not told or died or str(escape(told)) in page


def test_a_limit_for_marrow_relapse_is_not_drawn_for_an_extramedullary_one() -> None:
    """The article quotes COG's 36 months for marrow relapse alone."""
    extramedullary, marrow = (
        sample_facts(f"sample-{name}") for name in ("s1-late-cns", "s2-late-marrow")
    )
    assert "COG (36 months from diagnosis)" not in page_of(extramedullary, decide(extramedullary))
    assert "COG (36 months from diagnosis)" in page_of(marrow, decide(marrow))
