"""Strings that a record may hold and that a renderer of Markdown and HTML would act on."""

from __future__ import annotations

from dataclasses import replace

from cds_decisions import HIGH_RISK
from every_decision import TODAY

from cds_service.cards.card_set import Card, cards_for
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


def cards_with(text: str) -> list[Card]:
    """Every card of a decision in which ``text`` stands wherever FHIR may put it."""
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
    return [*spoken, *silent]
