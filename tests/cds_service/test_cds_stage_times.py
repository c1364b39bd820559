"""Whoever runs the service can see where the time of an answer went."""

from __future__ import annotations

import re
from typing import Any

from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.watching.stage_times import HEADER, STAGES, stage, timed

IN_MEMORY = "sqlite://"


def timing_service() -> FlaskClient:
    """A client of a service that tells its times."""
    return create_app(Config(server_timing=True, feedback_database=IN_MEMORY)).test_client()


def test_an_answer_tells_each_stage_it_passed_in_their_order(hook_body: Any) -> None:
    """Nothing was fetched, so no time of a fetch is told."""
    header = timing_service().post(SERVICE, json=hook_body).headers[HEADER]

    told = [re.fullmatch(r"(\w+);dur=\d+\.\d{3}", part) for part in header.split(", ")]

    assert [match and match[1] for match in told] == [name for name in STAGES if name != "fetch"]


def test_each_answer_tells_its_own_times_alone(hook_body: Any) -> None:
    """A refusal that was not read tells none, also after an answer that told some."""
    service = timing_service()
    service.post(SERVICE, json=hook_body)

    assert HEADER not in service.get("/cds-services").headers
    assert service.post(SERVICE, data=b"[").headers[HEADER].startswith("decode;")


def test_times_are_told_only_where_the_setting_is_on(hook_body: Any) -> None:
    """How long a record takes says something of its size."""
    service = create_app(Config(feedback_database=IN_MEMORY)).test_client()

    assert HEADER not in service.post(SERVICE, json=hook_body).headers


def test_the_same_stage_passed_twice_is_one_sum() -> None:
    """Cards and their JSON are both rendering."""
    with timed() as times:
        with stage("render"):
            pass
        first = times["render"]
        with stage("render"):
            pass

    assert times["render"] > first
    assert list(times) == ["render"]
