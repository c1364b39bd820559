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
from cds_service.sample_patients.transactions import written_bundles
from cds_service.self_check import CHECK
from fhir_mappings.queries import prefetch_templates, prefetch_version

_AWAY = "the database of the feedback cannot be reached or read"


def answered(arguments: Sequence[str], config: Config) -> str:
    """What the command prints. Raises StartError: it is not known, or cannot be done."""
    name, *rest = arguments
    if name in COMMANDS and not rest:
        return COMMANDS[name](config)
    if name in OF_A_PLACE and len(rest) == 1:
        return OF_A_PLACE[name][1](config, rest[0])
    places = (f"{word} {place}" for word, (place, _) in OF_A_PLACE.items())
    known = ", ".join([CHECK, *COMMANDS, *places])
    raise CommandError(f"the arguments that it knows are: {known}")


def prefetch(config: Config) -> str:
    """The prefetch templates, with the site's own codes, for clients that do not read discovery."""
    lines = [f"version {prefetch_version(config.local_codes)}", ""]
    for key, template in prefetch_templates(config.local_codes).items():
        lines += [key, template, ""]
    return "\n".join(lines).rstrip()


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
    "prefetch": prefetch,
}
"""Each word that may follow ``python -m cds_service`` by itself."""

OF_A_PLACE: Mapping[str, tuple[str, Callable[[Config, str], str]]] = {
    "explain": ("FILE", lambda config, file: file_explained(file, config.local_codes)),
    "sample-bundles": ("FOLDER", lambda _, folder: written_bundles(folder)),
}
"""Each word that is followed by a place, and what the place is."""
