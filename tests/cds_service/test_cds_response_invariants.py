"""A response that breaks a rule never leaves: it is a logged 500, not a bad card."""

from __future__ import annotations

import copy
import json
from typing import Any
from uuid import uuid4

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient

from cds_service import patient_view
from cds_service.cards.response_invariants import checked
from cds_service.errors import ResponseDefectError

GOOD: dict[str, Any] = {
    "cards": [
        {
            "uuid": "0d6f3b52-4d0a-4c4b-9d50-5d4f2b6f5a10",
            "summary": "A summary",
            "detail": "**Text**, a &lt; b",
            "indicator": "warning",
            "source": {
                "label": "The article",
                "url": "https://doi.org/10.1182/x",
                "topic": {"system": "https://relapsed-all.org/x", "code": "RelapsedALL"},
            },
            "suggestions": [
                {
                    "label": "Draft",
                    "uuid": "6a4b1c1e-39f1-4ab4-8d1e-1f4b6f0f9c11",
                    "actions": [
                        {
                            "type": "create",
                            "description": "Draft an order",
                            "resource": {"resourceType": "ServiceRequest", "id": "draft-1"},
                        }
                    ],
                }
            ],
            "selectionBehavior": "any",
            "overrideReasons": [{"code": "c", "system": "s", "display": "d"}],
            "links": [{"label": "l", "url": "https://x.example/", "type": "absolute"}],
        }
    ],
    "extension": {"org.relapsed-all.x": {"a": 1}},
}
SUGGESTION = ("suggestions", 0)
ACTION = (*SUGGESTION, "actions", 0)
DELETED = object()
BROKEN: list[tuple[str, tuple[Any, ...], Any]] = [
    ("3", ("detail",), ""),
    ("3", ("detail",), None),
    ("3", ("links",), []),
    ("3", ("source", "topic"), {}),
    ("80", ("uuid",), "card-1"),
    ("80", ("uuid",), DELETED),
    ("80", ("uuid",), "6a4b1c1e-39f1-4ab4-8d1e-1f4b6f0f9c11"),
    ("83", ("summary",), "x" * 140),
    ("83", ("summary",), "two\nlines"),
    ("83", ("summary",), DELETED),
    ("85", ("detail",), "<b>bold</b>"),
    ("88", ("indicator",), "urgent"),
    ("88", ("indicator",), "critical"),
    ("90", ("source",), DELETED),
    ("90", ("source", "label"), DELETED),
    ("93", ("selectionBehavior",), DELETED),
    ("93", ("suggestions",), DELETED),
    ("95", ("selectionBehavior",), "all"),
    ("100", ("overrideReasons", 0, "display"), DELETED),
    ("107", ("source", "url"), "/relative"),
    ("115", ("source", "topic", "code"), DELETED),
    ("topic is alphanumeric", ("source", "topic", "code"), "with-hyphen"),
    ("117", (*SUGGESTION, "label"), DELETED),
    ("119", (*SUGGESTION, "uuid"), "no"),
    ("127", (*ACTION, "type"), "CREATE"),
    ("128", (*ACTION, "description"), DELETED),
    ("131", (*ACTION, "resource", "id"), DELETED),
    ("131", (*ACTION, "resource"), "ServiceRequest/1"),
    ("134", (*ACTION, "type"), "delete"),
    ("139", ("links", 0, "url"), "javascript:alert(1)"),
    ("138", ("links", 0, "type"), DELETED),
    ("142", ("links", 0, "type"), "relative"),
    ("147", ("links", 0, "appContext"), "x"),
]


def broken(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """The good response with one thing of its card changed."""
    response = copy.deepcopy(GOOD)
    place: Any = response["cards"][0]
    for step in path[:-1]:
        place = place[step]
    if value is DELETED:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return response


def test_a_good_response_passes_unchanged() -> None:
    """And so does one without cards (cds-hooks_2.0@77)."""
    assert checked(copy.deepcopy(GOOD)) == GOOD
    assert checked({"cards": []}) == {"cards": []}


@pytest.mark.parametrize(("rule", "path", "value"), BROKEN, ids=lambda item: str(item)[:40])
def test_one_broken_thing_is_refused_by_its_rule(
    rule: str, path: tuple[Any, ...], value: Any
) -> None:
    """The number is that of cds-hooks_2.0."""
    with pytest.raises(ResponseDefectError) as defect:
        checked(broken(path, value))
    assert defect.value.loggable.startswith(rule)


@pytest.mark.parametrize(
    ("rule", "response"),
    [
        ("74", {}),
        ("74", {"cards": {}}),
        ("3", {"cards": [], "systemActions": []}),
        ("214", {"cards": [], "extension": {"a": [1]}}),
        ("at most five", {"cards": GOOD["cards"] * 6}),
        ("80", {"cards": GOOD["cards"] * 2}),
        (
            "122",
            {
                "cards": [
                    {
                        **GOOD["cards"][0],
                        "selectionBehavior": "at-most-one",
                        "suggestions": [
                            {"label": "a", "uuid": str(uuid4()), "isRecommended": True},
                            {"label": "b", "uuid": str(uuid4()), "isRecommended": True},
                        ],
                    }
                ]
            },
        ),
    ],
)
def test_a_broken_response_is_refused_by_its_rule(rule: str, response: dict[str, Any]) -> None:
    """What concerns the answer as a whole."""
    with pytest.raises(ResponseDefectError) as defect:
        checked(response)
    assert defect.value.loggable.startswith(rule)


def test_a_bad_card_is_a_logged_500_that_names_the_rule_and_no_value(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Never a bad card, and never an empty list instead of one."""
    bad = {**GOOD["cards"][0], "summary": "CANARY " * 40}
    monkeypatch.setattr(patient_view, "cards_for", lambda *_args, **_more: [bad])
    body = client.get("/sample-requests/sample-s3-early-marrow").json
    response = client.post(SERVICE, json=body)
    assert response.status_code == 500
    assert outcome_of(response)["code"] == "exception"
    line = json.loads(caplog.records[-1].getMessage())
    assert line["rule"] == "83: summary under 140 characters"
    assert "CANARY" not in response.text + line["rule"]
