"""Cards as HTML and as plain text say what their Markdown says, and do nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.cards.markdown import lines, outside_text, table
from cds_service.cards.rendering import WIDTH, card_html, card_text

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "![a](https://elsewhere.example/a.png)",
    "https://elsewhere.example www.elsewhere.example a@elsewhere.example",
    "<https://elsewhere.example>",
    "&lt;b&gt; &amp;",
    "# heading\n\n> quote\n\n```\ncode\n```\n\n---",
    "[x]: https://elsewhere.example\n\n[x]",
]
ELEMENTS = {"p", "ul", "ol", "li", "strong", "em", "br"} | {
    "table", "thead", "tbody", "tr", "th", "td"
}  # fmt: skip


def elements(html: str) -> set[str]:
    """The names of every element in ``html``."""
    return set(re.findall(r"</?([a-zA-Z][^\s>/]*)", html))


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_becomes_an_element_that_a_card_does_not_have(text: str) -> None:
    """Neither raw nor escaped: no links, images, scripts, headings."""
    for markdown in (text, outside_text(text)):
        html = str(card_html(markdown))
        assert elements(html) <= ELEMENTS
        assert "=" not in "".join(re.findall(r"<[^>]*>", html)), "no attribute at all"


@given(st.text(max_size=200))
def test_text_from_outside_is_shown_as_it_is(text: str) -> None:
    """Whatever a record holds, HTML has the elements of a card and no attributes."""
    html = str(card_html(outside_text(text)))
    assert elements(html) <= ELEMENTS
    assert "=" not in "".join(re.findall(r"<[a-z][^>]*>", html))


def test_the_plain_text_is_unescaped_wrapped_and_in_columns() -> None:
    """Lists keep their mark, tables their columns."""
    rows = table(["a", "b"], [["long name", "x"]])
    markdown = f"**Head \\[P1\\]**\n\n- one &lt; two\n- three\n\n{rows}"
    assert list(card_text(markdown)) == [
        "Head [P1]", "", "- one < two", "- three", "", "a          b", "long name  x", ""
    ]  # fmt: skip
    assert max(len(line) for line in card_text("word " * 100)) <= WIDTH


def test_lines_of_a_paragraph_stay_lines_as_text_and_as_html() -> None:
    """What stands below each other in a card does so everywhere."""
    markdown = lines(["Time: **early**", "Site: **combined**"])
    assert list(card_text(markdown)) == ["Time: early", "Site: combined", ""]
    assert "<br" in card_html(markdown)
    assert list(card_text(f"- {markdown}")) == ["- Time: early", "  Site: combined", ""]
