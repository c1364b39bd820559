"""Text that is refused wherever it stands in JSON: it cannot be stored, shown or written again."""

from __future__ import annotations

import re
from typing import Final

from cds_service.body_errors import BodyNotJson, UnsafeText

_SUSPECT: Final = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""What every unsafe escape begins with; most bodies have none."""

_ESCAPED_NUL: Final = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATES: Final = re.compile(
    rb"(?<!\\)(?:\\\\)*(?:(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"
)
"""Group 1: a whole pair; group 2: a half without its other half."""


def refuse_unsafe_text(body: bytes) -> None:
    """Raise BodyNotJson for what is not UTF-8, UnsafeText for U+0000 and half surrogate pairs."""
    try:
        _ = body.isascii() or body.decode("utf-8")
    except UnicodeDecodeError:
        raise BodyNotJson("The body must be JSON in UTF-8.") from None
    if not _SUSPECT.search(body):
        return
    if _ESCAPED_NUL.search(body):
        raise UnsafeText("The body must not contain U+0000.")
    if any(match.group(2) for match in _SURROGATES.finditer(body)):
        raise UnsafeText("The body must not contain half of a surrogate pair.")
