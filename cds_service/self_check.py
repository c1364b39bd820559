"""``python -m cds_service check``: is everything that a start reads sound? Without serving.

One line for each part: what was read, or what is wrong and where. Warnings, such as content that
nobody looked at for a year, do not fail it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.app import create_app
from cds_service.cards.suggestions import orders
from cds_service.cards.words import card_words
from cds_service.config import Config
from cds_service.errors import StartError
from cds_service.settings import declared
from cds_service.source_attributes import source_attributes
from cds_service.trust.trust_file import trusted_clients
from fhir_mappings.codes import loaded
from fhir_mappings.errors import FhirMappingsError
from relapse_model.errors import RelapseModelError
from relapse_model.loader import tables

CHECK = "check"
_WIDTH = 18


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """The ``lines`` to print, and whether everything is ``sound``."""

    lines: tuple[str, ...]
    sound: bool


def self_check(environ: Mapping[str, str], as_of: date) -> SelfCheck:
    """Read everything that a start with ``environ`` reads; ``as_of``: the day of the check.

    Every part is looked at, also after one that is not sound; only without settings is there
    nothing more to look at.
    """
    try:
        config = Config.from_environment(environ)
    except StartError as error:
        return SelfCheck((_line("settings", f"WRONG: {error}"),), sound=False)
    found = list(_parts(config, environ))
    lines = [_line(name, told) for name, told, _ in found]
    lines += [_line("warning", str(item)) for item in _overdue(as_of)]
    return SelfCheck(tuple(lines), sound=all(sound for _, _, sound in found))


def _parts(config: Config, environ: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Name of each part, what is to be told of it, and whether it is sound."""
    checks: Mapping[str, Callable[[], str]] = {
        "settings": lambda: _settings(config, environ),
        "trust file": lambda: _trust(config),
        "local codes": lambda: f"{len(config.local_codes.rows)} codes",
        "code sets": lambda: f"{len(loaded().sets)} sets",
        "decision tables": lambda: f"{len(tables().upkeep)} files, {tables().digest}",
        "words of cards": lambda: f"{len(card_words().topics)} topics",
        "orders": _orders,
        "source attributes": lambda: f"{len(source_attributes()['attributes'])} attributes",
        "all together": lambda: _start(config),
    }
    for name, check in checks.items():
        try:
            yield name, check(), True
        except (StartError, FhirMappingsError, RelapseModelError) as error:
            yield name, f"WRONG: {error}", False


def _settings(config: Config, environ: Mapping[str, str]) -> str:
    names = {item.name for item in declared(Config)}
    given = sum(name.removesuffix("_FILE") in names for name in environ)
    return f"{config.mode}, {given} given"


def _trust(config: Config) -> str:
    if not config.trust.file:
        return "none"
    named = trusted_clients(config.trust.file, development=config.development)
    return f"{len(named)} clients"


def _orders() -> str:
    orders()
    return "valid FHIR"


def _start(config: Config) -> str:
    """As the service does before it serves; the store of used tokens is opened here too."""
    create_app(config)
    return "would start"


def _overdue(as_of: date) -> Iterator[object]:
    try:
        yield from tables().overdue(as_of)
    except RelapseModelError:
        return  # told as wrong above


def _line(name: str, told: str) -> str:
    return f"{name:{_WIDTH}}{told}"
