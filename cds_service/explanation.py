"""``python -m cds_service explain FILE``: what the service says of a record, and why, as text.

The file is a FHIR Bundle of one patient or a hook request. Printed are the cards, the decision with
every table that was read, and what of the record could not be read. Nothing is fetched or kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from cds_service.cards.rendering import card_text, hung
from cds_service.errors import CdsServiceError, CommandError, RequiredDataMissing
from cds_service.hook_request import HookRequest
from cds_service.own_record import hook_request_about, unread_in
from cds_service.patient_view import decided
from cds_service.prefetch import RecordSource
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes
from relapse_model.__main__ import explanation
from relapse_model.facts import Remark


def file_explained(name: str, site: SiteCodes = NO_SITE_CODES, as_of: date | None = None) -> str:
    """What is printed for the file ``name``; raises CommandError naming the field.

    ``site``: the site's own codes. ``as_of``: the day of the question, today without it.
    """
    try:
        document = Path(name).read_bytes()
    except OSError as error:
        raise CommandError(f"{name}: {error.strerror}") from None
    request = b""
    try:
        request = hook_request_about(document)
        return "\n".join(_explained(request, site, as_of)).rstrip()
    except CdsServiceError as error:
        faults = unread_in(request) if isinstance(error, RequiredDataMissing) else []
        told = [f"{name}: {error.diagnostics}"]
        told += [f"  {fault.reference}: {fault.fault}" for fault in faults]
        raise CommandError("\n".join(told)) from None


def _explained(request: bytes, site: SiteCodes, as_of: date | None) -> Iterator[str]:
    hook = HookRequest.parse(request)
    record = decided(hook, as_of, RecordSource(site=site))
    cards = record.cards(hook.patient_id)
    for number, card in enumerate(cards, 1):
        yield from _headed(f"Card {number} of {len(cards)}: {card['indicator']}")
        yield from _card(card)
    if not cards:
        yield from _headed("No card")
    yield from _headed("Decision")
    yield from explanation(record.decision)
    yield ""
    if remarks := record.facts.remarks:
        yield from _headed("What the reading noticed")
        yield from _remarks(remarks)


def _card(card: dict[str, Any]) -> Iterator[str]:
    yield from hung(card["summary"], "", "")
    yield ""
    yield from card_text(card["detail"])
    if suggestions := card.get("suggestions"):
        yield "Suggestions"
        yield ""
        for suggestion in suggestions:
            yield from hung(suggestion["label"], "- ", "  ")
        yield ""


def _remarks(remarks: Iterable[Remark]) -> Iterator[str]:
    for remark in remarks:
        told = f"{remark.flag}: {remark.text}"
        if remark.evidence:
            told += f" ({', '.join(remark.evidence)})"
        yield from hung(told, "- ", "  ")


def _headed(text: str) -> tuple[str, str, str]:
    return text, "=" * len(text), ""
