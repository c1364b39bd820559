"""A string from FHIR shows as text in a card and does nothing else (the sandbox renders HTML)."""

from __future__ import annotations

import re
import unicodedata
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards import markdown
from cds_service.cards.markdown import LONGEST, bullets, outside_text, own_text, table, visible_text

markdown_it = pytest.importorskip("markdown_it")

HOSTILE = [
    "<img src=https://evil.example/x.png onerror=alert(1)>",
    "<iframe src='//evil.example'></iframe>",
    "<!-- comment --><input type=text>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x&#62;",
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "[ref]: https://evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "www.evil.example",
    "WWW.evil.example",
    "ftp://evil.example",
    "someone@evil.example",
    "mailto:someone@evil.example",
    "xmpp:someone@evil.example/x",
    "<https://evil.example>",
    "a | b | c",
    "a \\| b",
    "`code`",
    "```",
    "**bold** __bold__ *it* _it_",
    "~~gone~~",
    "# heading",
    "- item",
    "1. item",
    "1) item",
    "> quote",
    "- [ ] task",
    "---",
    "===",
    "line\nbreak\r\n\n| a |\n| - |",
    "[^1]: footnote",
    "\u202eevil\u202c",
    "zero\u200bwidth\ufeff",
    "nul\x00bell\x07",
    "\u2028separator",
    "$x^2$",
    "\\",
    "a\\",
]


def rendered(markdown: str) -> list[tuple[str, str]]:
    """Type and text of every inline token, with raw HTML and tables switched on."""
    parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    return [
        (token.type, token.content)
        for block in parser.parse(markdown)
        for token in [block, *(block.children or [])]
    ]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_string_in_a_table_cell_stays_text_of_that_cell(hostile: str) -> None:
    """No element is created, and the table keeps its one row of two cells."""
    markdown = table(["Fact", "Value"], [[outside_text(hostile), "x"]])
    kinds = [kind for kind, _ in rendered(markdown)]
    assert kinds.count("td_open") == 2
    assert not {"html_inline", "html_block", "link_open", "image", "code_inline", "em_open"} & set(
        kinds
    )


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_string_in_a_list_stays_one_item(hostile: str) -> None:
    """No list, heading, quote or rule opens inside the item."""
    kinds = [kind for kind, _ in rendered(bullets([outside_text(hostile)]))]
    assert kinds.count("list_item_open") == 1
    assert not {"heading_open", "blockquote_open", "hr", "fence", "html_block", "link_open"} & set(
        kinds
    )


@pytest.mark.parametrize(
    "link", ["https://evil.example", "www.evil.example", "WWW.evil.example", "a@evil.example"]
)
def test_what_a_client_would_turn_into_a_link_is_broken_by_a_word_joiner(link: str) -> None:
    """remark-gfm links bare addresses after unescaping; U+2060 inside them prevents it."""
    shown = outside_text(link)
    assert "\u2060" in shown
    assert "://" not in shown
    assert "www." not in shown.lower()


@given(st.text())
def test_the_reader_sees_the_visible_characters_and_nothing_else(text: str) -> None:
    """Rendering gives back what was sent, without the invisible characters but our own."""
    tokens = rendered(bullets([f"x {outside_text(text)}"]))
    assert not any(kind.startswith(("html", "link", "image")) for kind, _ in tokens)
    shown = "".join(content for kind, content in tokens if kind in {"text", "text_special"})
    ours = str.maketrans("", "", "\u2060\u200b")
    assert shown.translate(ours).removeprefix("x").strip() == visible_text(text)


@given(st.text())
def test_no_control_bidi_or_line_break_survives_and_length_is_capped(text: str) -> None:
    """Cc, Cf (bidi controls among them), surrogates and unassigned characters are dropped."""
    shown = visible_text(text)
    assert len(shown) <= LONGEST
    assert not any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in shown
    )


def test_our_own_sentences_keep_their_comparison_signs() -> None:
    """``< 5 %`` in a reviewed sentence is shown, never read as a tag."""
    assert own_text("survival < 5 % [P]") == r"survival &lt; 5 % \[P\]"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Condition/c2", ["Condition/c2"]),
        ("2024-03-20 · Condition/c2", ["2024-03-20 · Condition/c2"]),
        ("Observation/a-long-id", ["Observation/", "a-", "long-", "id"]),
        ("a" * 40, ["a" * 15, "a" * 15, "a" * 10]),
    ],
)
def test_a_long_run_has_places_to_break_and_short_texts_have_none(
    text: str, parts: list[str]
) -> None:
    """A panel of 320 pixels cannot hold an opaque id on one line."""
    assert outside_text(text).split("\u200b") == parts


PIECES = st.sampled_from(
    ["Observation", "o12", "www", "1", "12", ".", ")", "-", "/", " ", "@", ":", "mailto", "a" * 20]
)


@given(st.lists(PIECES, max_size=8).map("".join), st.sampled_from([LONGEST, 10]))
def test_text_without_anything_to_escape_takes_a_shorter_way_to_the_same(
    text: str, longest: int
) -> None:
    """References and dates are most of what a card shows; the short way must not skip a step."""
    with patch.object(markdown, "_PLAIN", re.compile("(?!)")):  # nothing is plain
        long_way = outside_text(text, longest)

    assert outside_text(text, longest) == long_way
