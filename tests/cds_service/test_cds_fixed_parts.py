"""What is the same in every answer is checked once, and what is not is checked every time."""

from __future__ import annotations

import copy
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import RFC_4122, UUID

import msgspec
import pytest
from cds_answers import SERVICE
from every_decision import BASE, SITES, TODAY
from flask.testing import FlaskClient

from cds_service.cards import suggestions
from cds_service.cards.card_set import cards_for
from cds_service.cards.fixed_parts import FixedArray, FixedObject, fixed, refuse_empty
from cds_service.cards.presentation import Presentation
from cds_service.errors import OrdersError, ResponseDefectError
from cds_service.random_ids import random_uuid
from fhir_mappings import emitted
from relapse_model.decide import decide

CONTENT = {"a": [{"b": "text", "c": 0, "d": False}], "e": {"f": "g"}}
MADE = fixed(CONTENT)


@pytest.mark.parametrize("empty", ["", " ", "\n\u2003", None, {}, []])
@pytest.mark.parametrize(
    "around", [lambda it: {"a": it}, lambda it: {"a": [it]}, lambda it: [{"b": {"c": it}}]]
)
def test_a_part_with_anything_empty_in_it_cannot_be_made(
    empty: object, around: Callable[[object], object]
) -> None:
    """cds-hooks_2.0@3, at whatever depth; and the check of an answer refuses the same."""
    with pytest.raises(ResponseDefectError, match=r"^3: no "):
        fixed(around(empty))
    with pytest.raises(ResponseDefectError, match=r"^3: no "):
        refuse_empty(around(empty))


@pytest.mark.parametrize("odd", [("a",), {"a"}, b"a", OrderedDict(a="b")])
def test_what_is_no_json_value_does_not_pass_the_check(odd: object) -> None:
    """The check would not look into it."""
    with pytest.raises(ResponseDefectError, match="not of JSON"):
        refuse_empty({"a": [odd]})


@pytest.mark.parametrize(
    "change",
    [
        lambda: MADE.update(a=""),
        lambda: MADE.__setitem__("a", ""),
        lambda: MADE.__delitem__("a"),
        lambda: MADE.__ior__({"a": ""}),
        lambda: MADE.setdefault("x", ""),
        lambda: MADE.pop("a"),
        MADE.popitem,
        MADE.clear,
        lambda: MADE["a"].append(""),
        lambda: MADE["a"].extend([""]),
        lambda: MADE["a"].insert(0, ""),
        lambda: MADE["a"].__setitem__(0, ""),
        lambda: MADE["a"].__delitem__(0),
        lambda: MADE["a"].__iadd__([""]),
        lambda: MADE["a"].__imul__(0),
        MADE["a"].pop,
        lambda: MADE["a"].remove(CONTENT["a"]),
        MADE["a"].clear,
        MADE["a"].reverse,
        MADE["a"].sort,
        lambda: MADE["a"][0].update(b=""),
    ],
)
def test_a_part_that_was_checked_does_not_change(change: Callable[[], object]) -> None:
    """Else what passes over it would pass over the change."""
    with pytest.raises(TypeError, match="does not change"):
        change()
    assert MADE == CONTENT


def test_a_part_is_written_as_what_it_was_made_of() -> None:
    """The same JSON, and a copy that is an object like any other."""
    assert (type(MADE), type(MADE["a"])) == (FixedObject, FixedArray)
    assert json.dumps(MADE) == json.dumps(CONTENT)
    assert msgspec.json.encode(MADE) == msgspec.json.encode(CONTENT)
    again = copy.deepcopy(MADE)
    again["a"].append("x")
    assert (type(again), len(again["a"]), len(MADE["a"])) == (dict, 2, 1)


def test_no_draft_for_a_patient_is_a_part_that_is_passed_over() -> None:
    """The resource, its subject and what the record adds are checked in every answer."""
    cards = cards_for(decide(BASE.with_facts(**SITES["marrow"])), as_of=TODAY, patient_id="p1")
    drafts = [
        action["resource"]
        for card in Presentation().shown(cards)
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
    ]
    assert drafts
    for resource in drafts:
        told = {name for name, value in resource.items() if not isinstance(value, FixedObject)}
        assert not isinstance(resource, FixedObject)
        assert {"id", "subject"} <= told
        added = ("reasonReference", "addresses", "basis", "prediction", "contained")
        assert not any(isinstance(resource.get(name), FixedArray) for name in added)


def test_a_draft_broken_by_what_the_record_adds_never_leaves(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The skeleton was sound at start; the answer is a 500 all the same."""

    def broken(*_: Any) -> dict[str, Any]:
        return {"reasonReference": [{"reference": " "}]}

    body = client.get("/sample-requests/sample-s3-early-marrow").json
    assert client.post(SERVICE, json=body).status_code == 200
    monkeypatch.setattr(suggestions, "_elements", broken)
    assert client.post(SERVICE, json=body).status_code == 500


def test_an_order_with_something_empty_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """As every other slip in the orders does."""
    built = emitted.risk_assessment

    def hollow(*parts: Any) -> dict[str, Any]:
        return {**built(*parts), "basis": []}

    monkeypatch.setattr(emitted, "risk_assessment", hollow)
    suggestions.orders.cache_clear()
    try:
        with pytest.raises(OrdersError, match="no empty array"):
            suggestions.orders()
    finally:
        monkeypatch.undo()
        suggestions.orders.cache_clear()


def test_random_ids_are_uuids_of_version_4_and_never_the_same() -> None:
    """As RFC 9562 writes them, with every value of the variant bits that it allows."""
    ids = [random_uuid() for _ in range(2_000)]
    assert len(set(ids)) == len(ids)
    assert {(UUID(text).version, UUID(text).variant) for text in ids} == {(4, RFC_4122)}
    assert all(str(UUID(text)) == text for text in ids)
    assert {text[19] for text in ids} == set("89ab")
