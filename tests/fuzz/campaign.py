"""Many cases sent to the service in this process; what came back is judged and counted."""

from __future__ import annotations

import io
import json
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config import Config
from tests.fuzz.canaries import NEVER_LOGGED
from tests.fuzz.legal_answers import Illegal, check, check_required
from tests.fuzz.mutations import FEEDBACK, SERVICE, Case, case

OK = 200
LEVELS = {
    "": logging.DEBUG,
    "cds_service": logging.INFO,
    "sqlalchemy": logging.WARNING,
    "alembic": logging.WARNING,
}
"""What is listened to: everything, but the service as it runs, and no statements of SQL."""
MOST_TOLD = 50
"""Violations that are told with their number."""


@dataclass
class Figures:
    """What a campaign saw. ``violations``: number of the case and the rule that was broken."""

    requests: int = 0
    seconds: float = 0.0
    log_lines: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    violations: list[tuple[int, str]] = field(default_factory=list)
    violated: int = 0

    def add(self, other: Figures) -> None:
        """Those of another process, which ran at the same time."""
        self.requests += other.requests
        self.seconds = max(self.seconds, other.seconds)
        self.log_lines += other.log_lines
        self.statuses = dict(Counter(self.statuses) + Counter(other.statuses))
        self.changes = dict(Counter(self.changes) + Counter(other.changes))
        self.violations = [*self.violations, *(tuple(item) for item in other.violations)]
        self.violated += other.violated

    def as_json(self) -> str:
        """To be read by another process."""
        return json.dumps(asdict(self))


class Campaign:
    """The service, everything that it logs, and the cases sent to it."""

    def __init__(self, database: str) -> None:
        """``database``: URL of that of the feedback."""
        self._log = io.StringIO()
        self._ears = logging.StreamHandler(self._log)
        self._levels = {name: logging.getLogger(name).level for name in LEVELS}
        self._client: FlaskClient = create_app(Config(feedback_database=database)).test_client()
        self.figures = Figures()

    def __enter__(self) -> Self:
        """Listen to every log of the process."""
        logging.getLogger().addHandler(self._ears)
        for name, level in LEVELS.items():
            logging.getLogger(name).setLevel(level)
        return self

    def __exit__(self, *_error: object) -> None:
        """Listen no more."""
        logging.getLogger().removeHandler(self._ears)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)

    def run(self, numbers: Iterable[int], seed: int = 0) -> Figures:
        """Send the cases of these numbers; the figures of all so far."""
        began = time.perf_counter()
        figures = self.figures
        statuses, changes = Counter(figures.statuses), Counter(figures.changes)
        for number in numbers:
            sent = case(number, seed)
            status, broken = self.answered(sent)
            statuses[str(status)] += 1
            changes.update(sent.done or ("none",))
            figures.requests += 1
            if broken:
                figures.violated += 1
                if len(figures.violations) < MOST_TOLD:
                    figures.violations.append((number, broken))
        figures.seconds += time.perf_counter() - began
        figures.statuses, figures.changes = dict(statuses), dict(changes)
        return figures

    def answered(self, sent: Case) -> tuple[int, str]:
        """Status of the answer, and the rule that answer or log broke; empty where none."""
        response = self.response(sent)
        try:
            check(
                response.status_code,
                response.headers,
                response.get_data(),
                feedback=sent.path.startswith(FEEDBACK),
            )
            self._check_log()
            if response.status_code == OK and sent.path.rstrip("/") == SERVICE:
                check_required(sent.body)
        except Illegal as illegal:
            return response.status_code, str(illegal)
        except (KeyError, TypeError, AttributeError) as error:
            return response.status_code, f"not of the shape of an answer: {error!r}"
        return response.status_code, ""

    def response(self, sent: Case) -> Any:
        """The answer to a case."""
        return self._client.open(
            sent.path, method=sent.method, data=sent.body, headers=list(sent.headers.items())
        )

    def _check_log(self) -> None:
        logged = self._log.getvalue()
        self._log.seek(0)
        self._log.truncate()
        self.figures.log_lines += logged.count("\n")
        lowered = logged.encode("utf-8", "replace").lower()
        if any(canary in lowered for canary in NEVER_LOGGED):
            raise Illegal("a log line tells something of the request")
