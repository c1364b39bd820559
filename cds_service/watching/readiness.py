"""Whether this process can do its work: each part that it needs, asked now.

Without the decision tables or the store of used tokens no card can be given. Without the database
of the feedback cards are given all the same, so a load balancer asks for the former alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from flask import Blueprint, Response

from cds_service.answers import json_answer
from cds_service.errors import NotReady

Check = Callable[[], bool]
"""Whether a part answers; an exception is a no."""

FEEDBACK: Final = "feedback store"
REPLAYS: Final = "replay store"
TABLES: Final = "decision tables"
_OPTIONAL: Final = frozenset({FEEDBACK})


def readiness_routes(checks: Mapping[str, Check]) -> Blueprint:
    """``/health/ready`` asks every part, ``/health/ready/cards`` those a card needs.

    Either raises NotReady (503), which names the parts that do not answer.
    """
    for_cards = {name: check for name, check in checks.items() if name not in _OPTIONAL}
    routes = Blueprint("readiness", __name__)

    @routes.get("/health/ready")
    def _ready() -> Response:
        return _told(checks)

    @routes.get("/health/ready/cards")
    def _ready_for_cards() -> Response:
        return _told(for_cards)

    return routes


def _told(checks: Mapping[str, Check]) -> Response:
    if away := [name for name, check in checks.items() if not _answers(check)]:
        raise NotReady(away)
    return json_answer({"status": "ready", "parts": dict.fromkeys(checks, "ok")})


def _answers(check: Check) -> bool:
    try:
        return check()
    except Exception:  # noqa: BLE001 - whatever keeps a part from answering, it does not answer
        return False
