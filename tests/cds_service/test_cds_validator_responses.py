"""The HL7 validator's own responses, good and bad, before our check of what leaves the service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cds_service.cards.response_invariants import checked
from cds_service.errors import ResponseDefectError

CASES = Path(__file__).parent / "validator_cases"
BAD = {
    "empty-bad": "74",
    "empty2": "74",
    "empty-source": "3",
    "suggestion": "83",
    # The validator passes this one: a summary of 169 characters.
    "source-link": "83",
}
GOOD = ("empty-good", "empty", "good", "link", "no-link", "two-cards")


def response(name: str) -> dict[str, Any]:
    """One response of the validator's test cases, with the card ids that ours always have."""
    text = (CASES / f"cdshooks-response-{name}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    for card in document.get("cards", ()):
        card.setdefault("uuid", str(uuid4()))
    return document


@pytest.mark.parametrize("name", GOOD)
def test_a_good_response_of_the_hl7_validator_passes(name: str) -> None:
    """cds-hooks_2.0@74, @77, @83 and @90."""
    assert checked(response(name))


@pytest.mark.parametrize(("name", "rule"), BAD.items())
def test_a_bad_response_of_the_hl7_validator_is_refused(name: str, rule: str) -> None:
    """cds-resp-6, an empty source, no cards, and what the validator itself lets pass."""
    with pytest.raises(ResponseDefectError) as defect:
        checked(response(name))
    assert defect.value.loggable.startswith(rule)


def test_suggestions_without_selection_behaviour_are_refused() -> None:
    """cds-resp-6, cds-hooks_2.0@93: the validator's case, with a summary that is short enough."""
    document = response("suggestion")
    for card in document["cards"]:
        card["summary"] = "Short"
    with pytest.raises(ResponseDefectError) as defect:
        checked(document)
    assert defect.value.loggable.startswith("93")


def test_every_response_of_the_validator_is_tried() -> None:
    """None is left out."""
    names = {path.stem.removeprefix("cdshooks-response-") for path in CASES.glob("*response*")}
    assert names == {*GOOD, *BAD}
