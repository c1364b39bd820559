"""What ``python -m cds_service`` does besides serving: one function per word after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.exc import SQLAlchemyError

from cds_service.config import Config
from cds_service.errors import CommandError, StorageUnavailable
from cds_service.explanation import file_explained
from cds_service.feedback.migrations import migrate
from cds_service.feedback.report import report
from cds_service.feedback.store import FeedbackStore
from cds_service.self_check import CHECK

_AWAY = "the database of the feedback cannot be reached or read"


def answered(arguments: Sequence[str], config: Config) -> str:
    """What the command prints. Raises StartError: it is not known, or cannot be done."""
    name, *rest = arguments
    if name == EXPLAIN and len(rest) == 1:
        return file_explained(rest[0], config.local_codes)
    command = COMMANDS.get(name)
    if command is None or rest:
        known = ", ".join([CHECK, *COMMANDS, f"{EXPLAIN} FILE"])
        raise CommandError(f"the arguments that it knows are: {known}")
    return command(config)


def feedback_report(config: Config) -> str:
    """Acceptance and override reasons per kind of card."""
    store = FeedbackStore(config.feedback_database, config.feedback_days)
    try:
        return report(store.counted())
    except StorageUnavailable:
        raise CommandError(_AWAY) from None
    finally:
        store.close()


def migrated(config: Config) -> str:
    """Bring the tables of the feedback to the latest revision, which a start would do too."""
    store = FeedbackStore(config.feedback_database)
    try:
        with store.engine().begin() as connection:
            return f"the tables of the feedback are at revision {migrate(connection)}"
    except SQLAlchemyError:
        raise CommandError(_AWAY) from None
    finally:
        store.close()


COMMANDS: Mapping[str, Callable[[Config], str]] = {
    "feedback": feedback_report,
    "migrate": migrated,
}
"""Each word that may follow ``python -m cds_service`` by itself."""

EXPLAIN = "explain"
"""The word that a file must follow."""
