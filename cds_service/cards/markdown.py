"""Text for GitHub-flavoured Markdown that a client may render with raw HTML switched on.

The public sandbox renders ``card.detail`` with remark-gfm and rehype-raw, unsanitised: a string
from FHIR that is not escaped becomes an image, a frame or a link in the clinician's chart. So
what comes from outside passes ``outside_text``, what we wrote ourselves ``own_text``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

LONGEST = 120
"""Longest text from outside, in code points, before it is cut (a card is a narrow panel)."""

_PLAIN = re.compile(r"/?[A-Za-z0-9%µ]+(?:(?:[-/ ]|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9%µ]+)*")
"""Text in which there is nothing to escape: numbers, units, dates and ranges, references."""

_PUNCTUATION = re.compile(r"([\\`*_\[\]|~$])")
_OWN_PUNCTUATION = re.compile(r"([\\`*_\[\]|~])")
_BLOCK_MARK = re.compile(r"^(?:(?=[-+#=])|\d{1,9}(?=[.)](?:\s|$)))")
_WHITESPACE = re.compile(r"\s+")
_INVISIBLE = {"Cc", "Cf", "Co", "Cs", "Cn"}
_WORD_JOINER = "\u2060"
_LONGEST_RUN = 16
"""Characters that a panel of 320 pixels holds beside another column without a place to break."""
_RUN = re.compile(rf"\S{{{_LONGEST_RUN + 1},}}")
_PIECE = re.compile(rf"[^/-]{{1,{_LONGEST_RUN - 1}}}[/-]*|[/-]+")
_AUTOLINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)|(?=@)|(?<=@)|(?<=mailto)(?=:)", re.IGNORECASE)


def visible_text(text: str, longest: int = LONGEST) -> str:
    """``text`` on one line without control, bidi and other invisible characters, cut to length.

    ``longest``: code points, the ellipsis included.
    """
    spaced = _WHITESPACE.sub(" ", text)
    if not spaced.isprintable():  # rare: most strings need no look at every character
        spaced = "".join(
            character for character in spaced if unicodedata.category(character) not in _INVISIBLE
        )
    kept = spaced.strip()
    return kept if len(kept) <= longest else kept[: longest - 1].rstrip() + "…"


def outside_text(text: str, longest: int = LONGEST) -> str:
    """Text that came from outside, as Markdown that shows it and does nothing else.

    Entities and tags are escaped, GFM punctuation gets a backslash, and a word joiner breaks what
    remark-gfm would turn into a link after unescaping (``https://``, ``www.``, ``@``). A long run
    without spaces, such as an opaque id, gets zero-width spaces where a line may break.
    """
    if len(text) <= longest and _PLAIN.fullmatch(text):
        return text if len(text) <= _LONGEST_RUN else _RUN.sub(_breakable, text)
    shown = _RUN.sub(_breakable, visible_text(text, longest))
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    shown = _PUNCTUATION.sub(r"\\\1", shown)
    shown = _BLOCK_MARK.sub(r"\g<0>\\", shown)
    return _AUTOLINK.sub(_WORD_JOINER, shown)


def _breakable(run: re.Match[str]) -> str:
    return "\u200b".join(_PIECE.findall(run.group()))


@lru_cache(maxsize=2_000)
def own_text(text: str) -> str:
    """Text we wrote (words, statements), with what GFM would misread escaped; bare links stay.

    Remembered, because these texts are few; text from outside is not: it is about a patient.
    """
    shown = _WHITESPACE.sub(" ", text).strip()
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _OWN_PUNCTUATION.sub(r"\\\1", shown)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A GFM table; the cells are Markdown already."""
    lines = [_row(head), _row(["---"] * len(head)), *(_row(row) for row in rows)]
    return "\n".join(lines)


def lines(items: Iterable[str]) -> str:
    """One paragraph, each item on a line of its own; the items are Markdown already."""
    return "  \n".join(items)


def bullets(items: Iterable[str]) -> str:
    """A list; the items are Markdown already."""
    return "\n".join(f"- {item}" for item in items)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
