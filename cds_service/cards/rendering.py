"""Card text for those who have no EHR to draw it: as HTML, and as plain text.

The Markdown of a card is the GFM subset that ``markdown`` writes: paragraphs, emphasis, lists and
tables. HTML in it stays text, and links, images and headings are not read as such.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from textwrap import wrap

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

WIDTH = 100


@cache
def _reader() -> MarkdownIt:
    reader = MarkdownIt("zero", {"html": False, "linkify": False, "typographer": False})
    return reader.enable(["list", "table", "emphasis", "escape", "entity", "newline"])


def card_html(markdown: str) -> Markup:
    """The detail of a card as HTML."""
    html: str = _reader().render(markdown)
    return Markup(html)  # noqa: S704 - made by a renderer that escapes text and reads no HTML


def card_text(markdown: str) -> Iterator[str]:
    """The detail of a card as lines of plain text."""
    rows: list[list[str]] = []
    opened = bullet = ""
    for token in _reader().parse(markdown):
        if token.type == "list_item_open":
            bullet = "- "
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and opened in {"th_open", "td_open"}:
            rows[-1].append(_plain(token.children or ()))
        elif token.type == "inline":
            yield from hung(_plain(token.children or ()), bullet, " " * len(bullet))
            bullet = ""
        elif token.type == "table_close":
            yield from _columns(rows)
            rows = []
        if token.level == 0 and token.nesting < 0:
            yield ""
        opened = token.type


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Rows with the first column as wide as its widest cell, long rows hung below themselves."""
    width = max(len(row[0]) for row in rows) + 2
    for first, *others in rows:
        yield from hung("  ".join(others), first.ljust(width), " " * width)


def _plain(tokens: Sequence[Token]) -> str:
    breaks = {"softbreak": " ", "hardbreak": "\n"}
    return "".join(breaks.get(token.type, token.content) for token in tokens)


def hung(text: str, first: str, others: str) -> list[str]:
    """``text`` as lines: one mark before the first, another before the rest; ids stay whole."""
    told: list[str] = []
    for line in text.split("\n"):
        mark = others if told else first
        told += wrap(
            line, WIDTH, initial_indent=mark, subsequent_indent=others, break_on_hyphens=False
        )
    return told
