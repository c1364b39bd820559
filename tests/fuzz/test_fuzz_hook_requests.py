"""Whatever is sent, the answer is legal, and nothing of the patient is in a log.

50,000 cases on a build machine, 2,000 elsewhere, 1,000,000 by ``make fuzz``; the same ones every
time.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fuzz import canaries
from tests.fuzz.__main__ import run_parts, told
from tests.fuzz.campaign import Campaign, Figures
from tests.fuzz.legal_answers import Illegal, check
from tests.fuzz.mutations import SERVICE, Case, case
from tests.fuzz.seeds import hook_requests

CASES = 50_000 if os.environ.get("CI") else 2_000


def test_no_wrong_request_gets_an_illegal_answer_or_leaves_a_trace() -> None:
    """No 5xx; cards or an OperationOutcome; no canary in any log line or refusal."""
    figures = run_parts(CASES, seed=0, processes=2)
    assert figures.violated == 0, told(figures)
    assert figures.requests == CASES
    answered = figures.statuses
    assert answered["200"] > CASES // 3, "most of a record must be read, or nothing is tested"
    assert {"400", "401", "404", "412", "415", "422"} <= set(answered)
    assert figures.log_lines > answered["200"] * 0.8, "every decision is logged"


def test_a_case_follows_from_its_number() -> None:
    """One that fails can be made again."""
    assert [case(n) for n in range(50)] == [case(n) for n in range(50)]
    assert case(7, seed=1) != case(7, seed=2)


RIGHT = Case(SERVICE, hook_requests()[0], {"Content-Type": "application/json"})
HEADERS = {
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'",
}


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Campaign]:
    """The service and the ears at its logs."""
    database = tmp_path_factory.mktemp("fuzz") / "feedback.sqlite3"
    with Campaign(f"sqlite:///{database}") as running:
        yield running


@pytest.fixture
def right(campaign: Campaign) -> dict[str, Any]:
    """A legal answer with cards."""
    document: dict[str, Any] = campaign.response(RIGHT).get_json()
    assert document["cards"]
    return document


def judged(document: Any, status: int = 200) -> str:
    """The rule that this answer breaks."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    try:
        check(status, HEADERS, body, feedback=False)
    except Illegal as illegal:
        return str(illegal)
    return ""


SPOILED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "summary": lambda answer: answer["cards"][0].update(summary="x" * 140),
    "indicator": lambda answer: answer["cards"][0].update(indicator="critical"),
    "detail without HTML": lambda answer: answer["cards"][0].update(detail="<img src=x>"),
    "source": lambda answer: answer["cards"][0]["source"].update(url="javascript:alert(1)"),
    "uuids are unique": lambda answer: answer["cards"].append(answer["cards"][0]),
    "selectionBehavior": lambda answer: answer["cards"][0].pop("selectionBehavior"),
    "silent without a reason": lambda answer: answer.update(cards=[]),
    "no null, no empty text": lambda answer: answer["extension"].update(x=None),
    "members of a card": lambda answer: answer["cards"][0].update(html="x"),
    "link": lambda answer: answer["cards"][0]["links"][0].update(url="/relative"),
    "repeats what it was sent": lambda answer: answer["extension"].update(x=canaries.TOKEN),
}


@pytest.mark.parametrize("rule", SPOILED)
def test_the_judge_sees_what_is_wrong(right: dict[str, Any], rule: str) -> None:
    """A judge that lets everything pass would find nothing."""
    assert judged(right) == ""
    SPOILED[rule](right)
    assert judged(right) == rule


def test_the_judge_sees_a_5xx_and_what_is_no_json() -> None:
    """Whatever stands in it."""
    outcome = {"resourceType": "OperationOutcome", "issue": []}
    assert judged(outcome, 500) == "status 500"
    assert judged(outcome, 400) == "an issue"
    assert judged(b"<html>") == "not JSON in UTF-8"
    assert judged(b'{"a":NaN}') == "not JSON in UTF-8"


def test_the_ears_hear_a_canary(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any log line, whoever writes it."""
    respond = campaign.response

    def telling(sent: Case) -> Any:
        logging.getLogger("anybody").info("read %s", canaries.RECORD_NUMBER)
        return respond(sent)

    assert campaign.answered(RIGHT) == (200, "")
    monkeypatch.setattr(campaign, "response", telling)
    assert campaign.answered(RIGHT) == (200, "a log line tells something of the request")


def test_figures_of_a_campaign_can_be_read(campaign: Campaign) -> None:
    """By status, by change, and each violation with its number."""
    before = campaign.figures.requests
    figures = campaign.run(range(20))
    assert figures.requests == before + 20
    assert f"{figures.requests} requests" in told(figures)
    assert "violations: 0" in told(figures)
    figures.add(Figures(requests=5, violated=1, violations=[(7, "status 500")]))
    assert "case 7: status 500" in told(figures)
