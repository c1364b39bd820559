"""One JSON line per decision, and per bug; nothing about the patient.

What may stand in a line is listed here and nowhere else: the time, ids that we made, the hook
instance where it is a UUID (a client may write anything into it), versions, the plan and the ids of
the rules; of the caller the address and tenant of the trust file, and the start of a hash of its
token's id; of a launch the address of its EHR. Facts, evidence, dates, resource ids, headers,
tokens and addresses of calls never do.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType

from cds_service.errors import ResponseDefectError
from cds_service.hook_request import HookRequest
from cds_service.trust.clients import ANONYMOUS, Caller
from relapse_model.decision import Decision

DECISIONS = logging.getLogger("cds_service.decisions")
REJECTIONS = logging.getLogger("cds_service.rejections")
"""Calls that were refused as not authorised."""
BUGS = logging.getLogger("cds_service.bugs")

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def write_to_stderr() -> None:
    """Send every log to standard error, one JSON object per line."""
    logger = logging.getLogger("cds_service")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def record(  # noqa: PLR0913 - what one line tells, each by its name
    hook: HookRequest,
    decision_id: str,
    decision: Decision,
    cards: int,
    caller: Caller = ANONYMOUS,
    *,
    issuer: str = "",
) -> None:
    """Log one decision: who asked (hook instance), what was decided, and by which rules.

    ``issuer``: of a launch, the address of its EHR, as the settings list it.
    """
    _write(
        DECISIONS,
        logging.INFO,
        event="decision",
        hook=hook.hook,
        hook_instance=_loggable_instance(hook.hook_instance),
        decision=decision_id,
        model=decision.model.version,
        tables=decision.model.tables,
        plan=decision.plan,
        rules=[f"{step.table}:{rule}" for step in decision.trace for rule in step.rules],
        cards=cards,
        **({"client": issuer} if issuer else _caller(caller)),
    )


def record_mode(mode: str) -> None:
    """Log at start whether calls without a token are let in (development) or none (production)."""
    calls = "with or without a token, of this machine" if mode == "development" else "with a token"
    _write(DECISIONS, logging.INFO, event="start", mode=mode, calls=calls)


def record_rejection(why: str, iss: str) -> None:
    """Log that a call was not authorised: the class of the reason, and ``iss`` where it is known.

    ``iss`` comes from the trust file, never from the token.
    """
    _write(REJECTIONS, logging.WARNING, event="rejected", why=why, client=iss or "not known")


def record_limit(which: str, caller: Caller) -> None:
    """Log that a client was told to slow down: ``which`` of its limits it had reached."""
    _write(REJECTIONS, logging.WARNING, event="limited", which=which, **_caller(caller))


def record_audit_failure(error: OSError) -> None:
    """Log that an audit record could not be written: the kind of failure, nothing of the record."""
    _write(BUGS, logging.ERROR, event="audit_failed", type=type(error).__name__)


def record_bug(bug_id: str, error: BaseException) -> None:
    """Log where a bug is: type, and module and line of each frame; never a value or a message.

    Of a response that breaks a rule, the rule: it is in our own words.
    """
    _write(
        BUGS,
        logging.ERROR,
        event="bug",
        bug=bug_id,
        type=type(error).__qualname__,
        frames=frames(error.__traceback__),
        **({"rule": error.loggable} if isinstance(error, ResponseDefectError) else {}),
    )


def frames(trace: TracebackType | None) -> list[str]:
    """``module.py:line function`` of each frame, outermost first; no paths, source or values."""
    return [
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)
    ]


def _caller(caller: Caller) -> dict[str, str]:
    if caller.client is None:
        return {"client": "without token"}
    told = {"client": caller.iss, "token": caller.token}
    return {**told, "tenant": caller.tenant} if caller.tenant else told


def _loggable_instance(text: str) -> str:
    return text.lower() if _UUID.fullmatch(text) else "not a UUID"


def _write(logger: logging.Logger, level: int, **fields: object) -> None:
    told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
    logger.log(level, "%s", json.dumps(told, separators=(",", ":")))
