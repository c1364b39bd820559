"""Cards as a page: the narrow panel of the public sandbox, rendered by what the sandbox uses.

The summary and the labels are text there; the detail is react-markdown with remark-gfm and
rehype-raw, no sanitiser. Margins, padding and borders are those of its card list; nothing here
breaks long words or scrolls, because a client need not do so.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from node_oracles import answer

from cds_service.cards.card_set import Card

STYLE = """
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.4 "Helvetica Neue", Helvetica, Arial, sans-serif; }
.card { margin: 10px; padding: 15px; border: 2px solid #ddd; border-left: 3px solid #0079be;
  border-radius: 4px; background: #fcfcfc; }
.card.warning { border-left-color: #ffae42; }
.summary { margin: 0 0 5px; font-weight: bold; }
.source { margin: 0 0 5px; font-size: .85em; font-style: italic; }
button { display: block; max-width: 100%; margin: 5px 0; white-space: normal; text-align: left; }
"""


def panel(cards: Sequence[Card]) -> str:
    """One page with the cards below each other; skips the test where Node is missing."""
    details = answer("render.mjs", [card["detail"] for card in cards])
    body = "".join(_card(card, detail) for card, detail in zip(cards, details, strict=True))
    return f"<!doctype html><title>Cards</title><style>{STYLE}</style>{body}"


def _card(card: Card, detail: str) -> str:
    buttons = [item["label"] for item in (*card.get("suggestions", ()), *card.get("links", ()))]
    shown = "".join(f"<button>{escape(label)}</button>" for label in buttons)
    return (
        f'<div class="card {card["indicator"]}"><p class="summary">{escape(card["summary"])}</p>'
        f'<p class="source">Source: {escape(card["source"]["label"])}</p>'
        f'<div class="detail">{detail}</div>{shown}</div>'
    )
