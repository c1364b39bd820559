"""Feedback is taken as specified and leniently, kept once, and says nothing about a patient."""

from __future__ import annotations

import gc
import json
import multiprocessing
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from cds_answers import SERVICE, outcome_of
from database_rows import executed
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from cds_service import __main__
from cds_service.app import create_app
from cds_service.cards.topics import UNKNOWN, card_uuid, kind_of
from cds_service.cards.words import CARD_KINDS
from cds_service.config import Config
from cds_service.errors import MalformedRequest, SettingError
from cds_service.feedback import store as store_module
from cds_service.feedback.outcomes import CardFeedback, feedback_items
from cds_service.feedback.report import NOTHING, report
from cds_service.feedback.store import FeedbackStore

FEEDBACK_URL = f"{SERVICE}/feedback"
AT = "2026-11-22T10:00:00Z"
CANARY = "CANARY Erika Mustermann born 2016-08-19"


def overridden(card: str, **more: Any) -> dict[str, Any]:
    """One card that was overridden."""
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": AT, **more}


def accepted(card: str, *suggestions: str) -> dict[str, Any]:
    """One card of which suggestions were taken."""
    told = [{"id": item} for item in suggestions]
    return {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": told,
        "outcomeTimestamp": AT,
    }


def body_of(*items: dict[str, Any]) -> bytes:
    """The body of a feedback call."""
    return json.dumps({"feedback": list(items)}).encode()


@pytest.fixture
def client(database: str) -> FlaskClient:
    """A client of a service with a database of its own."""
    return create_app(Config(feedback_database=database)).test_client()


def rows_of(database: str) -> list[tuple[Any, ...]]:
    """Everything that is kept."""
    return executed(database, "select * from card_feedback")


def test_feedback_of_the_sandbox_is_taken_and_kept(client: FlaskClient, database: str) -> None:
    """cds-hooks_2.0@148: accepted with the suggestion, overridden with a published reason."""
    first, second = card_uuid("mrd"), card_uuid("agents")
    reason = {"reason": {"code": "cds-not-applicable", "system": "http://terminology.hl7.org/x"}}
    response = client.post(
        FEEDBACK_URL,
        data=body_of(accepted(first, str(uuid4())), overridden(second, overrideReason=reason)),
        content_type="application/json",
    )
    assert response.status_code == 200
    assert response.json == {"received": 2, "new": 2}
    kept = sorted((row[3], row[4], row[7]) for row in rows_of(database))
    assert kept == [("agents", "overridden", "cds-not-applicable"), ("mrd", "accepted", "")]


def test_feedback_told_twice_is_kept_once(client: FlaskClient, database: str) -> None:
    """Idempotent: clients send again what they are not sure of."""
    item = overridden(card_uuid("stratification"))
    for new in (1, 0, 0):
        response = client.post(FEEDBACK_URL, json={"feedback": [item, item]})
        assert response.json == {"received": 2, "new": new}
    assert len(rows_of(database)) == 1


def test_epic_says_it_in_its_own_words(client: FlaskClient, database: str) -> None:
    """``overrideReasons``, the reason in an extension, no display, no system."""
    card = card_uuid("missing")
    extension = {"com.epic.cdshooks.feedback.overrideReason.reasonTitle": "12"}
    for told in (
        {"overrideReasons": {"reason": {"code": "A1"}, "userComment": "x"}},
        {"overrideReasons": [{"reason": {"code": "A2"}}]},
        {"overrideReasons": {"extension": extension}},
    ):
        response = client.post(FEEDBACK_URL, json={"feedback": [overridden(card, **told)]})
        assert response.status_code == 200
    assert sorted(row[7] for row in rows_of(database)) == ["12", "A1", "A2"]


def test_nothing_about_a_patient_is_kept(
    client: FlaskClient, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Free text, odd codes, unknown fields: none of it reaches the database or the log."""
    reason = {"reason": {"code": CANARY, "system": CANARY, "display": CANARY}}
    item = overridden(
        card_uuid("mrd"), overrideReason={**reason, "userComment": CANARY}, patient=CANARY
    )
    assert client.post(FEEDBACK_URL, json={"feedback": [item], "note": CANARY}).status_code == 200
    if database.startswith("sqlite"):
        assert b"CANARY" not in Path(database.removeprefix("sqlite:///")).read_bytes()
    assert "CANARY" not in str(rows_of(database)) + caplog.text
    assert rows_of(database)[0][7] == "other"


def test_the_comment_is_kept_only_when_it_is_switched_on(database: str) -> None:
    """CDS_FEEDBACK_COMMENTS: free text may name a patient."""
    config = Config(feedback_database=database, feedback_comments=True)
    item = overridden(card_uuid("mrd"), overrideReason={"userComment": "given elsewhere\0"})
    create_app(config).test_client().post(FEEDBACK_URL, json={"feedback": [item]})
    assert rows_of(database)[0][8] == "given elsewhere"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{}", "feedback"),
        (b'{"feedback": {}}', "feedback"),
        (b'{"feedback": [1]}', "feedback[0]"),
        (b'{"feedback": [{}]}', "feedback[0].card"),
        (b'{"feedback": [{"card": "MRN 4711"}]}', "feedback[0].card"),
        (body_of({"card": card_uuid("mrd")}), "feedback[0].outcome"),
        (body_of({"card": card_uuid("mrd"), "outcome": "ignored"}), "feedback[0].outcome"),
        (body_of({"card": card_uuid("mrd"), "outcome": {}}), "feedback[0].outcome"),
        (body_of({"card": card_uuid("mrd"), "outcome": []}), "feedback[0].outcome"),
        (
            body_of({"card": card_uuid("mrd"), "outcome": "accepted"}),
            "feedback[0].outcomeTimestamp",
        ),
        (
            body_of({**accepted(card_uuid("mrd")), "outcomeTimestamp": "yesterday"}),
            "feedback[0].outcomeTimestamp",
        ),
        (
            body_of({**accepted(card_uuid("mrd")), "outcomeTimestamp": "2026-11-22T10:00:00"}),
            "feedback[0].outcomeTimestamp",
        ),
        (
            body_of(accepted(card_uuid("mrd"), "no uuid")),
            "feedback[0].acceptedSuggestions[0].id",
        ),
    ],
)
def test_feedback_that_cannot_be_read_is_a_400_that_names_the_field(
    client: FlaskClient, body: bytes, named: str
) -> None:
    """And nothing of it is repeated."""
    response = client.post(FEEDBACK_URL, data=body, content_type="application/json")
    assert response.status_code == 400
    assert named in outcome_of(response)["expression"]
    assert "4711" not in response.text


def test_feedback_on_another_service_is_a_404(client: FlaskClient) -> None:
    """Before the body is looked at."""
    assert client.post("/cds-services/other/feedback", data=b"{").status_code == 404


def test_a_browser_may_send_feedback(client: FlaskClient) -> None:
    """cds-hooks_2.0@208: the preflight of the feedback endpoint too."""
    response = client.options(FEEDBACK_URL, headers={"Origin": "https://sandbox.example"})
    assert response.status_code == 204
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["feedback", "card", "outcome", "outcomeTimestamp", "overrideReason", "reason"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_either_feedback_or_a_400(document: Any) -> None:
    """Never a bug, whatever a client sends."""
    with suppress(MalformedRequest):
        feedback_items(json.dumps(document).encode(), comments=True)


def test_a_card_id_names_its_topic_and_a_foreign_one_does_not() -> None:
    """So feedback counts per topic after a restart, without a record of the cards sent."""
    for kind in CARD_KINDS:
        ids = {card_uuid(kind) for _ in range(200)}
        assert len(ids) == 200
        assert {kind_of(UUID(text)) for text in ids} == {kind}
        assert {UUID(text).version for text in ids} == {4}
    assert kind_of(UUID(int=0)) == UNKNOWN
    assert sum(kind_of(uuid4()) == UNKNOWN for _ in range(500)) >= 499


def test_feedback_about_a_card_of_another_service_is_kept_as_unknown(
    client: FlaskClient, database: str
) -> None:
    """Clients may send it; it is never an error."""
    assert client.post(FEEDBACK_URL, json={"feedback": [overridden(str(uuid4()))]}).json["new"] == 1
    assert rows_of(database)[0][3] == UNKNOWN


def test_old_feedback_is_deleted(database: str) -> None:
    """CDS_FEEDBACK_DAYS; 0 keeps everything."""
    items = feedback_items(body_of(overridden(card_uuid("mrd"))), comments=False)
    more = feedback_items(body_of(overridden(card_uuid("mrd"))), comments=False)
    FeedbackStore(database).add(items, "s")
    executed(database, "update card_feedback set received_at = '2020-01-01T00:00:00+00:00'")
    FeedbackStore(database).add(more, "s")
    assert len(rows_of(database)) == 2
    FeedbackStore(database, keep_days=30).add([], "s")
    assert len(rows_of(database)) == 1


def _send(database: str, cards: list[str]) -> None:
    store = FeedbackStore(database)
    for card in cards:
        store.add(feedback_items(body_of(overridden(card)), comments=False), "s")
    store.close()


def test_several_processes_keep_each_outcome_exactly_once(database: str) -> None:
    """Nothing lost, nothing doubled, no error; SQLite in WAL mode."""
    cards = [card_uuid("mrd") for _ in range(40)]
    workers = [
        multiprocessing.get_context("spawn").Process(target=_send, args=(database, cards))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(rows_of(database)) == 40
    if database.startswith("sqlite"):
        assert executed(database, "PRAGMA journal_mode") == [("wal",)]


def test_a_database_that_is_away_is_a_503(tmp_path: Path) -> None:
    """The client may send it again; nothing of the database is told."""
    folder = tmp_path / "gone"
    folder.mkdir()
    app = create_app(Config(feedback_database=f"sqlite:///{folder / 'f.sqlite3'}"))
    folder.rmdir()
    response = app.test_client().post(
        FEEDBACK_URL, json={"feedback": [overridden(card_uuid("mrd"))]}
    )
    assert response.status_code == 503
    assert "gone" not in response.text
    assert outcome_of(response)["code"] == "transient"


@pytest.mark.parametrize(
    "url",
    ["nonsense", "mysql://h/d", "sqlite:////no/such/folder/f.sqlite3", "postgresql+odd://h/d"],
)
def test_a_database_that_cannot_be_used_is_named_at_start(url: str) -> None:
    """Not at the first feedback."""
    with pytest.raises(SettingError, match="CDS_FEEDBACK_DATABASE"):
        FeedbackStore(url)


def test_the_report_counts_acceptance_and_reasons_per_topic() -> None:
    """What a maintainer wants to know of alerts."""
    text = report(
        [
            ("mrd", "accepted", "", 3),
            ("mrd", "overridden", "action-completed", 1),
            ("agents", "overridden", "", 2),
        ]
    )
    lines = text.splitlines()
    assert lines[1].split() == ["agents", "0", "2", "0", "%"]
    assert lines[2].split() == ["2", "no", "reason", "given"]
    assert lines[3].split() == ["mrd", "3", "1", "75", "%"]
    assert lines[4].split() == ["1", "action-completed"]
    assert report([]) == NOTHING


def test_the_feedback_command_prints_the_report(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m cds_service feedback``."""
    FeedbackStore(database).add(
        feedback_items(body_of(accepted(card_uuid("mrd"))), comments=False), "s"
    )
    monkeypatch.setenv("CDS_FEEDBACK_DATABASE", database)
    assert __main__.main(["feedback"]) == 0
    assert "mrd" in capsys.readouterr().out
    assert __main__.main(["feedbak"]) == 2


def test_memory_keeps_feedback_for_a_trial() -> None:
    """``sqlite://``: one database for all threads of the process."""
    store = FeedbackStore("sqlite://")
    item = CardFeedback(card=str(uuid4()), topic="mrd", outcome="accepted", outcome_at=AT)
    assert store.add([item, item], "s") == 1
    assert store.counted() == [("mrd", "accepted", "", 1)]
    assert isinstance(store.engine(), sa.Engine)


def test_a_database_that_cannot_be_made_ready_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call during an outage tries anew; what it tried with is let go of."""
    made: list[weakref.ref[sa.Engine]] = []
    original = store_module._engine  # noqa: SLF001 - what opens the database

    def watched(url: sa.URL) -> sa.Engine:
        engine = original(url)
        made.append(weakref.ref(engine))
        return engine

    monkeypatch.setattr(store_module, "_engine", watched)
    store = FeedbackStore(f"sqlite:///{tmp_path}")  # a folder is no database
    for _ in range(3):
        with pytest.raises(sa.exc.SQLAlchemyError):
            store.engine()
    gc.collect()
    assert [engine() for engine in made] == [None] * 3


def test_a_store_that_is_let_go_of_closes_its_connections(database: str) -> None:
    """Python 3.13 and newer would warn of each that it finds open."""
    opened: set[object] = set()
    store = FeedbackStore(database)
    sa.event.listen(store.engine(), "close", lambda connection, _: opened.discard(connection))
    sa.event.listen(store.engine(), "checkout", lambda connection, *_: opened.add(connection))
    with store.engine().connect(), store.engine().connect():
        pass
    assert len(opened) == 2
    del store
    gc.collect()
    assert opened == set()
