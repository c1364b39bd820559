"""Random ids of what this service makes."""

from __future__ import annotations

import os

_VARIANT = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}


def random_uuid() -> str:
    """A new random UUID (version 4, RFC 9562) as text; an answer needs twenty of them."""
    text = os.urandom(16).hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-{_VARIANT[text[16]]}{text[17:20]}-{text[20:]}"
