"""The words file is checked at start: a slip does not reach the bedside."""

from __future__ import annotations

from importlib.resources import files

import pytest

from cds_service.cards.words import PLANS, card_words, longest, words_from
from cds_service.errors import WordsError

SHIPPED = files("cds_service.cards").joinpath("card_words.toml").read_text("utf-8")


def test_the_words_as_shipped_are_sound() -> None:
    """They were read when the application started."""
    assert set(card_words().plans) == set(PLANS)


@pytest.mark.parametrize("plan", PLANS)
def test_no_summary_can_reach_140_characters(plan: str) -> None:
    """cds-hooks_2.0@83, with the longest value of every placeholder."""
    words = card_words()
    assert longest(words.plans[plan], words) < 140


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("[plans.HSCT_MRD]", "[plans.HSCT_MDR]", "plans"),
        ('kind = "caution"', 'kind = "careful"', "plans."),
        ('indicator = "info"', 'indicator = "critical"', "plans."),
        ("Plan open ({groups})", "Plan open ({group})", "summary"),
        ("Asked for: {missing}", "Asked for: {mising}", "cards.missing.open"),
        ("[cards.agents]", "[cards.agent]", "cards"),
        ("\nunreadable = { code", "\nunreadible = { code", "topics"),
        ("HSCT: in CR2", "HSCT: " + "very " * 30 + "in CR2", "cards.transplantation.HSCT_HR"),
        ('\nHSCT_HR = "HSCT: in', '\nHSCT_RH = "HSCT: in', "cards.transplantation"),
        ("{groups}, {risk}: the", "{groups}, {risk}: " + "very " * 9 + "the", "summary"),
        ('summary_plain = "Relapse', 'summary_plain = "{groups} Relapse', "summary_plain"),
        ('short = "no relapse on record"', 'short = " "', "plans.NO_RELAPSE.short"),
        ('\nmrd = "marrow MRD (unit, method, sensitivity)"', "", "asks"),
        ("[headings]", "[heading]", "the file"),
        ("[headings]", "[headings", "the file"),
        ('short = "another disease"', 'shrt = "another disease"', "the file"),
    ],
)
def test_a_slip_in_the_words_is_an_error_at_start_that_names_the_place(
    old: str, new: str, where: str
) -> None:
    """One changed cell each."""
    assert old in SHIPPED
    with pytest.raises(WordsError) as slip:
        words_from(SHIPPED.replace(old, new, 1))
    assert where in slip.value.where
