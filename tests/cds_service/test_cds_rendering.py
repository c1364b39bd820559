"""The cards in the renderer of the public sandbox: GFM with tables and raw HTML, no sanitiser."""

from __future__ import annotations

from dataclasses import replace

from cds_decisions import HIGH_RISK
from every_decision import TODAY, every_decision
from node_oracles import answer

from cds_service.cards.card_set import cards_for
from relapse_model.decision import FactReport
from relapse_model.facts import Remark

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "<iframe src=https://evil.example></iframe>",
    "<input type=text>",
    "<details open ontoggle=alert(1)>",
    "<!-- comment -->",
    "<b",
    "&lt;img src=x&gt;",
    "&#60;img src=x&#62;",
    "![x](https://evil.example/p.png)",
    "[click](javascript:alert(1))",
    "[click][1]\n\n[1]: https://evil.example",
    "<https://evil.example>",
    "https://evil.example/a",
    "HTTPS://EVIL.EXAMPLE",
    "www.evil.example",
    "mail@evil.example",
    "mailto:mail@evil.example",
    "xmpp:mail@evil.example",
    "ftp://evil.example",
    "`code` ``more``",
    "```\nblock\n```",
    "~~~\nblock\n~~~",
    "| a | b |\n|---|---|\n| c | d |",
    "a | b | c",
    "# heading",
    "heading\n===",
    "- [ ] task",
    "1. list\n2. list",
    "> quote",
    "---",
    "**bold** _em_ ~~gone~~ __b__ *i*",
    "[^1]: note\n\n[^1]",
    "a\\| b \\<img src=x>",
    "\u202eright to left\u202c \u200b\u0007\u0000",
    "$x$ $$y$$",
    ":smile: :+1:",
    "Observation/https://evil.example/x",
    "line\r\n\r\n<b>new</b>",
    "\t    indented",
)
PLAIN = {"p", "strong", "em", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}


def cards_with(text: str) -> list[str]:
    """The details of every card of a decision in which ``text`` stands wherever FHIR may put it."""
    reports = (
        FactReport("genetics", (text,), (text,), note=text, unit=text, taken=text),
        FactReport("disease", (text, text), (text, "Condition/c2"), note=text),
        FactReport("a_new_fact", (text,), (text,)),
    )
    remarks = (
        Remark("UNREADABLE", text, (text, f"Condition/{text}")),
        Remark("DATA_INCOMPLETE", text),
    )
    spoken = cards_for(replace(HIGH_RISK, facts=reports), remarks, as_of=TODAY)
    silent = cards_for(replace(HIGH_RISK, plan="NO_RELAPSE", facts=reports), remarks)
    assert spoken
    assert silent
    return [card["detail"] for card in [*spoken, *silent]]


def test_no_hostile_string_creates_anything() -> None:
    """No element, link, image or table cell beyond those that a harmless string has."""
    harmless = answer("elements.mjs", cards_with("harmless"))
    assert len(HOSTILE) >= 29
    texts = [detail for text in HOSTILE for detail in cards_with(text)]
    found = answer("elements.mjs", texts)
    for place, rendered in enumerate(found):
        hostile = HOSTILE[place // len(harmless)]
        expected = harmless[place % len(harmless)]
        assert rendered["elements"] == expected["elements"], hostile
        assert rendered["urls"] == [], hostile


def test_what_was_escaped_is_shown_as_it_was() -> None:
    """The clinician reads the string itself; only word joiners were put in."""
    (detail, *_) = cards_with("<img src=x> & a|b *c* www.evil.example")
    (rendered,) = answer("elements.mjs", [detail])
    shown = rendered["text"].replace("\u2060", "")
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
    assert "<strong>S3 · high risk · allogeneic HSCT in second remission</strong>" in html
