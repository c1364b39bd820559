"""Why required data did not arrive, as one of a few classes that can be counted.

The sentences are ours (``prefetch``, ``fhir_server``); what was asked of the FHIR server last
decides, because that is what an operator can change.
"""

from __future__ import annotations

from typing import Final

OTHER: Final = "other"
_CLASSES: Final = (
    ("not one that this service may ask", "server_not_allowed"),
    ("access token", "no_usable_token"),
    ("address of the FHIR server", "no_usable_address"),
    ("network address", "address_not_allowed"),
    ("given a pause", "fhir_paused"),
    ("in time", "fhir_late"),
    ("cannot be reached", "fhir_unreachable"),
    ("refused access", "fhir_refused_access"),
    ("the FHIR server", "fhir_failed"),
    ("query for", "client_query_failed"),
    ("could be read", "unreadable"),
    ("not sent", "not_sent"),
)
"""Words of a reason, and its class; the first that is found counts."""

CLASSES: Final = frozenset({*(name for _, name in _CLASSES), OTHER})


def reason_class(reason: str) -> str:
    """The class of one reason of RequiredDataMissing."""
    return next((name for words, name in _CLASSES if words in reason), OTHER)
