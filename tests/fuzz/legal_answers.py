"""What an answer must be, written down once more and apart from the service.

From CDS Hooks 2.0 and FHIR R4; nothing of the service is used, so that a mistake in its own check
of what it sends does not hide here too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tests.fuzz.canaries import NEVER_ANSWERED, NEVER_ON_A_CARD

REFUSALS = {400, 401, 404, 405, 412, 413, 415, 422}
SILENT = {"OUT_OF_SCOPE_DISEASE", "OUT_OF_SCOPE_AGE", "NO_RELAPSE"}
ISSUE_CODES = re.compile(
    "invalid|structure|required|value|invariant|security|login|unknown|expired|forbidden|suppressed"
    "|processing|not-supported|duplicate|multiple-matches|not-found|deleted|too-long|code-invalid"
    "|extension|too-costly|business-rule|conflict|transient|lock-error|no-store|exception|timeout"
    "|incomplete|throttled|informational"
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MARKUP = re.compile(r"<[a-zA-Z/!?]")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
URL = re.compile(r"https?://[^\s/]+(/\S*)?")
CARD = {
    "uuid",
    "summary",
    "detail",
    "indicator",
    "source",
    "suggestions",
    "selectionBehavior",
    "overrideReasons",
    "links",
    "extension",
}
SUSPECT = re.compile(rb'[:,\[]\s*null|\{\s*\}|\[\s*\]|""|\\ud')
"""Without any of these no element can be null, empty, or half a surrogate pair."""
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Illegal(Exception):  # noqa: N818 - what the answer is
    """The answer breaks a rule; the text names it."""


def must(holds: object, rule: str) -> None:
    """Raise Illegal unless it holds."""
    if not holds:
        raise Illegal(rule)


def check(status: int, headers: Any, body: bytes, *, feedback: bool) -> None:
    """Raise Illegal for an answer that no request may get."""
    must(status == 200 or status in REFUSALS, f"status {status}")
    must(headers.get("Content-Type") == "application/json", "type of content")
    for name, value in HEADERS.items():
        must(headers.get(name) == value, f"header {name}")
    must("default-src 'none'" in headers.get("Content-Security-Policy", ""), "content policy")
    lowered, secrets = body.lower(), NEVER_ON_A_CARD if status == 200 else NEVER_ANSWERED
    must(not any(canary in lowered for canary in secrets), "repeats what it was sent")
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_no_number)
    except ValueError:
        raise Illegal("not JSON in UTF-8") from None
    must(isinstance(document, dict), "an object")
    if status != 200:
        _refusal(document)
    elif feedback:
        must(set(document) == {"received", "new"}, "feedback")
        must(document["new"] <= document["received"], "more new than received")
    else:
        _response(document)
        if SUSPECT.search(body):
            _whole(document["cards"] or "none")
            _whole(document["extension"])


def check_required(sent: bytes) -> None:
    """Raise Illegal where ``sent`` was answered with cards although it must not be.

    Without the Patient and the problem list, or with the Patient of somebody else, nothing can be
    said; and no server may be asked for them.
    """
    hook = _read(sent)
    if hook is None:
        return
    prefetch, patient_id = hook["prefetch"], hook["context"]["patientId"]
    must({"patient", "conditions"} <= set(prefetch), "cards without required data")
    patient = prefetch["patient"]
    named = patient.get("id") if isinstance(patient, dict) else None
    another = isinstance(named, str) and named not in {"", patient_id.strip().rpartition("/")[2]}
    must(not another or patient.get("resourceType") != "Patient", "cards about another patient")


def _read(sent: bytes) -> Any:
    """What was sent; None for what only the service's own reader reads."""
    try:
        return msgspec.json.decode(sent)
    except (msgspec.MsgspecError, RecursionError):  # numbers too large for it
        pass
    try:
        return json.loads(sent, parse_int=str, parse_float=str)
    except RecursionError:
        return None


def _no_number(_text: str) -> None:
    raise ValueError


def _refusal(document: dict[str, Any]) -> None:
    must(set(document) == {"resourceType", "issue"}, "members of an OperationOutcome")
    must(document["resourceType"] == "OperationOutcome", "OperationOutcome")
    must(document["issue"], "an issue")
    for issue in document["issue"]:
        must(issue["severity"] == "error", "severity")
        must(ISSUE_CODES.fullmatch(issue["code"]), "issue code")
        must(text(issue["diagnostics"]), "diagnostics")
        must("expression" not in issue or all(map(text, issue["expression"])), "expression")


def text(value: Any) -> bool:
    """Whether it is a text with something in it, and nothing that cannot be shown."""
    return isinstance(value, str) and bool(value.strip()) and not CONTROL.search(value)


def _response(document: dict[str, Any]) -> None:
    must(set(document) == {"cards", "extension"}, "members of a response")
    cards, extension = document["cards"], document["extension"]
    must(isinstance(cards, list) and len(cards) <= 5, "at most five cards")
    decision = extension["org.relapsed-all.decision"]
    must(text(decision["plan"]), "a plan")
    # A child who has died gets no card, whatever the plan.
    must(cards or decision["plan"] in SILENT or _died(decision), "silent without a reason")
    uuids = list(_uuids(cards))
    must(len(uuids) == len(set(uuids)), "uuids are unique")
    for card in cards:
        _card(card)


def _died(decision: dict[str, Any]) -> bool:
    return any(
        "died" in json.dumps(fact) or "decea" in json.dumps(fact) for fact in decision["facts"]
    )


def _uuids(cards: list[dict[str, Any]]) -> Iterator[str]:
    for card in cards:
        yield card["uuid"]
        yield from (suggestion["uuid"] for suggestion in card.get("suggestions", ()))


def _card(card: dict[str, Any]) -> None:
    must(set(card) <= CARD, "members of a card")
    must(UUID.fullmatch(card["uuid"]), "uuid")
    must(text(card["summary"]) and len(card["summary"]) < 140, "summary")
    must("\n" not in card["summary"], "summary in one line")
    must(card["indicator"] in {"info", "warning"}, "indicator")
    must(text(card["detail"]) and not MARKUP.search(card["detail"]), "detail without HTML")
    must(not MARKUP.search(card["summary"]), "summary without HTML")
    source = card["source"]
    must(text(source["label"]) and URL.fullmatch(source["url"]), "source")
    must(all(text(source["topic"][name]) for name in ("system", "code")), "topic")
    must(("suggestions" in card) == ("selectionBehavior" in card), "selectionBehavior")
    must(card.get("selectionBehavior", "any") in {"any", "at-most-one"}, "selectionBehavior")
    for suggestion in card.get("suggestions", ()):
        _suggestion(suggestion)
    for link in card.get("links", ()):
        must(text(link["label"]) and URL.fullmatch(link["url"]), "link")
        must(link["type"] in {"absolute", "smart"}, "type of a link")
        must("appContext" not in link or link["type"] == "smart", "appContext")
    for reason in card.get("overrideReasons", ()):
        must(all(text(reason[name]) for name in ("code", "system", "display")), "override reason")


def _suggestion(suggestion: dict[str, Any]) -> None:
    must(text(suggestion["label"]) and UUID.fullmatch(suggestion["uuid"]), "suggestion")
    for action in suggestion.get("actions", ()):
        must(action["type"] == "create" and text(action["description"]), "action")
        must(text(action["resource"]["resourceType"]), "resource of an action")


def _whole(value: Any) -> None:
    """No null, nothing empty, no text that cannot be written."""
    if isinstance(value, dict):
        must(value, "no empty object")
        for item in value.values():
            _whole(item)
    elif isinstance(value, list):
        must(value, "no empty array")
        for item in value:
            _whole(item)
    else:
        must(value is not None and value != "", "no null, no empty text")
        if isinstance(value, str):
            must(value.encode("utf-8", "ignore").decode() == value, "half a surrogate pair")
