"""PostgreSQL goes away and comes back while the service runs."""

from __future__ import annotations

import debian_servers
from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.cards.topics import card_uuid
from cds_service.config import Config

CHILD = "sample-s3-early-marrow"


def told(client: FlaskClient) -> int:
    """The status of one feedback about a card of its own."""
    item = {
        "card": card_uuid("mrd"),
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-22T10:00:00Z",
    }
    return client.post(f"{SERVICE}/feedback", json={"feedback": [item]}).status_code


def test_an_outage_of_the_database_ends_with_the_outage() -> None:
    """Feedback is 503 meanwhile and taken afterwards, without a restart; cards are given always.

    With alert fatigue on, so that each answer would like to ask the database.
    """
    with debian_servers.postgresql() as cluster:
        config = Config(
            feedback_database=cluster.database("outage"),
            alert_fatigue_hours=24,
            alert_fatigue_key="k" * 32,
        )
        app = create_app(config)
        client = app.test_client()
        body = client.get(f"/sample-requests/{CHILD}").json
        expected = len(client.post(SERVICE, json=body).json["cards"])
        statuses = []
        for act in (lambda: None, cluster.stop, cluster.start):
            act()
            statuses.append((told(client), client.get("/health/ready").status_code))
            answer = client.post(SERVICE, json=body)
            assert answer.status_code == 200
            assert len(answer.json["cards"]) == expected
        assert statuses == [(200, 200), (503, 503), (200, 200)]
