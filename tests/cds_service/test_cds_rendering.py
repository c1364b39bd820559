"""The cards in the renderer of the public sandbox: GFM with tables and raw HTML, no sanitiser."""

from __future__ import annotations

from cds_decisions import HIGH_RISK
from every_decision import TODAY, every_decision
from hostile_text import HOSTILE, cards_with
from node_oracles import answer

from cds_service.cards.card_set import cards_for

PLAIN = {"p", "br", "strong", "em", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


def details_with(text: str) -> list[str]:
    """The details of the cards in which ``text`` stands wherever FHIR may put it."""
    return [card["detail"] for card in cards_with(text)]


def test_no_hostile_string_creates_anything() -> None:
    """No element, link, image or table cell beyond those that a harmless string has."""
    harmless = answer("elements.mjs", details_with("harmless"))
    assert len(HOSTILE) >= 29
    texts = [detail for text in HOSTILE for detail in details_with(text)]
    found = answer("elements.mjs", texts)
    for place, rendered in enumerate(found):
        hostile = HOSTILE[place // len(harmless)]
        expected = harmless[place % len(harmless)]
        assert rendered["elements"] == expected["elements"], hostile
        assert rendered["urls"] == [], hostile


def test_what_was_escaped_is_shown_as_it_was() -> None:
    """The clinician reads the string itself; only word joiners and places to break were put in."""
    (detail, *_) = details_with("<img src=x> & a|b *c* www.evil.example")
    (rendered,) = answer("elements.mjs", [detail])
    shown = rendered["text"].replace("\u2060", "").replace("\u200b", "")
    assert "<img src=x> & a|b *c* www.evil.example" in shown


def test_every_decision_renders_as_text_lists_and_small_tables() -> None:
    """No stray markup: every element is one that we meant, and no table is wider than two."""
    texts = [
        card["detail"]
        for decision in every_decision()[::8]
        for card in cards_for(decision, as_of=TODAY)
    ]
    for rendered in answer("elements.mjs", texts):
        assert set(rendered["elements"]) <= PLAIN
        assert rendered["urls"] == []
        assert "**" not in rendered["text"]
        assert "\\" not in rendered["text"]
        assert "| " not in rendered["text"]
        rows = rendered["elements"].count("tr")
        cells = rendered["elements"].count("td") + rendered["elements"].count("th")
        assert cells == 2 * rows


def test_react_renders_the_same_tables() -> None:
    """react-markdown with remark-gfm and rehype-raw, as the sandbox has it."""
    (html,) = answer("render.mjs", [cards_for(HIGH_RISK)[0]["detail"]])
    assert "<table>" in html
    assert "<strong>Next, as options:</strong> reinduction" in html
