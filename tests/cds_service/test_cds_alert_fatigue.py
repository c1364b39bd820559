"""A card overridden by the same user for the same patient rests, unless its decision changed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE
from database_rows import executed
from flask.testing import FlaskClient
from trusted_clients import EHR, SERVICE_URL, TestClient, production_config

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.sample_patients.samples import samples

KEY = "k" * 32
CHILD = "sample-s3-early-marrow"
EXAMPLE = Path(__file__).parents[2] / "examples" / "patient-view.json"
OTHER = "sample-s4-very-early"


@pytest.fixture
def client(database: str) -> FlaskClient:
    """A service in which overridden cards rest for a day, on either kind of database."""
    config = Config(feedback_database=database, alert_fatigue_hours=24, alert_fatigue_key=KEY)
    return create_app(config).test_client()


def asked(client: FlaskClient, child: str = CHILD, user: str | None = "Practitioner/a") -> Any:
    """The answer about one child to one user."""
    body = client.get(f"/sample-requests/{child}").json
    if user is None:
        del body["context"]["userId"]
    else:
        body["context"]["userId"] = user
    response = client.post(SERVICE, json=body)
    assert response.status_code == 200, response.data
    return response.json


def override(client: FlaskClient, card: dict[str, Any]) -> None:
    """The user dismisses the card."""
    item = {
        "card": card["uuid"],
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-22T10:00:00Z",
    }
    assert client.post(f"{SERVICE}/feedback", json={"feedback": [item]}).status_code == 200


def test_users_of_the_same_id_at_two_clients_are_two_users() -> None:
    """Practitioner/a dismissed a card at one hospital; at the other it is shown."""
    other = replace(EHR, iss="https://other.example.org")
    config = production_config(clients=[EHR, other], alert_fatigue_hours=24, alert_fatigue_key=KEY)
    service = create_app(config).test_client()
    body = json.loads(EXAMPLE.read_text("utf-8"))

    def shown(caller: TestClient) -> list[Any]:
        cards: list[Any] = service.post(SERVICE, json=body, headers=caller.bearer()).json["cards"]
        return cards

    first = shown(EHR)
    item = {
        "card": first[0]["uuid"],
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-22T10:00:00Z",
    }
    headers = EHR.bearer(f"{SERVICE_URL}/feedback")
    service.post(f"{SERVICE}/feedback", json={"feedback": [item]}, headers=headers)
    assert len(shown(EHR)) == len(first) - 1
    assert len(shown(other)) == len(first)


def topics(answer: Any) -> list[str]:
    """The topic codes of the cards shown."""
    return [card["source"]["topic"]["code"] for card in answer["cards"]]


def test_an_overridden_card_rests_for_this_user_and_patient_alone(client: FlaskClient) -> None:
    """The other cards, users and patients are not touched, and the answer says what it held."""
    first = asked(client)
    override(client, first["cards"][0])
    again = asked(client)
    assert topics(again) == topics(first)[1:]
    held = again["extension"]["org.relapsed-all.response"]["heldBack"]
    assert held == ["RelapsedALLStratification"]
    assert topics(asked(client, user="Practitioner/b")) == topics(first)
    assert "RelapsedALLStratification" in topics(asked(client, OTHER))
    assert topics(asked(client, user=None)) == topics(first)


def test_a_changed_decision_brings_the_card_back(client: FlaskClient) -> None:
    """What was dismissed was another advice."""
    override(client, asked(client)["cards"][0])
    body = client.get(f"/sample-requests/{CHILD}").json
    body["context"]["userId"] = "Practitioner/a"
    changed = client.get("/sample-requests/sample-s2-late-marrow").json["prefetch"]
    changed["patient"]["id"] = CHILD
    text = client.application.json.dumps(changed).replace("sample-s2-late-marrow", CHILD)
    body["prefetch"] = client.application.json.loads(text)
    answer = client.post(SERVICE, json=body).json
    assert answer["extension"]["org.relapsed-all.decision"]["plan"] == "CHEMO_THEN_MRD"
    assert "RelapsedALLStratification" in topics(answer)


def test_the_card_comes_back_when_the_time_is_over(client: FlaskClient, database: str) -> None:
    """CDS_ALERT_FATIGUE_HOURS; what is older is forgotten."""
    first = asked(client)
    override(client, first["cards"][0])
    long_ago = (datetime.now(UTC) - timedelta(hours=25)).isoformat()
    executed(database, f"update overridden_card set at = '{long_ago}'")  # noqa: S608 - a time
    assert topics(asked(client)) == topics(first)
    assert executed(database, "select count(*) from overridden_card") == [(0,)]


def test_an_accepted_card_is_shown_again(client: FlaskClient) -> None:
    """Only an override says: not again."""
    first = asked(client)
    item = {
        "card": first["cards"][0]["uuid"],
        "outcome": "accepted",
        "outcomeTimestamp": "2026-11-22T10:00:00Z",
    }
    client.post(f"{SERVICE}/feedback", json={"feedback": [item]})
    assert topics(asked(client)) == topics(first)


def test_no_identifier_is_kept(client: FlaskClient, database: str) -> None:
    """Keyed hashes alone: neither user nor patient stands in the tables, or in the file."""
    override(client, asked(client, user="Practitioner/canary-user")["cards"][0])
    tables = ("shown_card", "overridden_card", "card_feedback")
    rows = {name: executed(database, f"select * from {name}") for name in tables}  # noqa: S608
    assert all(rows.values())
    stored = str(rows).encode()
    if database.startswith("sqlite"):
        folder = Path(database.removeprefix("sqlite:///")).parent
        stored += b"".join(path.read_bytes() for path in folder.iterdir())
    family = samples()[CHILD].resources[0]["name"][0]["family"]
    for secret in ("canary", CHILD, family, KEY):
        assert secret.encode() not in stored


def test_without_its_database_every_card_is_shown(tmp_path: Path) -> None:
    """A nuisance is better than a silence."""
    folder = tmp_path / "gone"
    folder.mkdir()
    config = Config(
        feedback_database=f"sqlite:///{folder / 'f.sqlite3'}",
        alert_fatigue_hours=1,
        alert_fatigue_key=KEY,
    )
    client = create_app(config).test_client()
    folder.rmdir()
    assert asked(client)["cards"]


def test_it_is_off_unless_asked_for(tmp_path: Path) -> None:
    """An override is counted, and the card is shown again."""
    client = create_app(Config(feedback_database=f"sqlite:///{tmp_path / 'f'}")).test_client()
    first = asked(client)
    override(client, first["cards"][0])
    assert topics(asked(client)) == topics(first)
