"""How a setting is declared and read: one field of a dataclass says everything about it.

A setting is written once, as ``setting(...)`` beside the code that needs it: its name, what it
means, how its text is read, and what it is when nothing is set. docs/settings.md is made from the
same declarations. A name that starts with ``CDS_`` and is no setting is refused, because a
misspelt setting would be a silent default.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from cds_service.errors import SettingError

PREFIX = "CDS_"
FILE = "_FILE"
_SETTING, _GROUP = "setting", "group"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: ``name`` of the environment variable, meaning, and texts of its defaults.

    ``read``: the value of a text; raises ValueError with what it must be, in words that follow the
    name. ``production``: the default in production where it is another. A ``secret`` can be given
    as a file too, named by ``name`` and ``_FILE``, and is never shown. ``example``: a text that
    can be read, for docs/settings.md.
    """

    name: str
    about: str
    read: Callable[[str], Any]
    default: str = ""
    production: str | None = None
    secret: bool = False
    example: str = ""

    def default_in(self, mode: str) -> str:
        """The text that holds where nothing is set."""
        if mode == "production" and self.production is not None:
            return self.production
        return self.default

    def value(self, environ: Mapping[str, str], mode: str) -> Any:  # noqa: ANN401 - any setting's
        """The value that ``environ`` gives; raises SettingError naming the setting."""
        try:
            return self.read(self._text(environ, mode))
        except ValueError as error:
            raise SettingError(self.name, str(error)) from None

    def _text(self, environ: Mapping[str, str], mode: str) -> str:
        file = environ.get(f"{self.name}{FILE}") if self.secret else None
        if file is None:
            return environ.get(self.name, self.default_in(mode))
        if self.name in environ:
            raise SettingError(self.name, f"and {self.name}{FILE} are both set")
        try:
            return Path(file).read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError):
            raise SettingError(f"{self.name}{FILE}", "must name a file that can be read") from None


def setting(  # noqa: PLR0913 - what there is to say of a setting, each by its name
    name: str,
    about: str,
    read: Callable[[str], Any],
    default: str = "",
    *,
    production: str | None = None,
    secret: bool = False,
    example: str = "",
) -> Any:  # noqa: ANN401 - the field has the type that the dataclass gives it
    """A dataclass field that is a setting; without environment it has its development default."""
    declared = Setting(name, about, read, default, production, secret, example)
    return field(default=read(default), repr=not secret, metadata={_SETTING: declared})


def group(kind: type[Any]) -> Any:  # noqa: ANN401 - as setting
    """A dataclass field that holds the settings of one part of the service."""
    return field(default_factory=kind, metadata={_GROUP: kind})


def declared(kind: type[Any]) -> Iterator[Setting]:
    """Every setting of a dataclass and of the groups in it, in the order of their declaration."""
    for item in fields(kind):
        if _SETTING in item.metadata:
            yield item.metadata[_SETTING]
        elif _GROUP in item.metadata:
            yield from declared(item.metadata[_GROUP])


def settings_of(kind: type[T], environ: Mapping[str, str], mode: str) -> T:
    """The dataclass with the values of ``environ``; raises SettingError naming the first bad one.

    ``mode``: development or production, for the defaults.
    """
    values: dict[str, Any] = {}
    for item in fields(kind):  # type: ignore[arg-type] # dataclasses alone are given
        if _SETTING in item.metadata:
            values[item.name] = item.metadata[_SETTING].value(environ, mode)
        elif _GROUP in item.metadata:
            values[item.name] = settings_of(item.metadata[_GROUP], environ, mode)
    return kind(**values)


def refuse_unknown(kind: type[Any], environ: Mapping[str, str]) -> None:
    """Raise SettingError for the first name that looks like a setting of ours and is none."""
    known = {item.name for item in declared(kind)}
    files = {f"{item.name}{FILE}" for item in declared(kind) if item.secret}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known | files:
            raise SettingError(name, f"is not known; known are {', '.join(sorted(known))}")


def text(value: str) -> str:
    """The text as it is, without spaces around it."""
    return value.strip()


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Reads a whole number from ``least`` to ``most``."""

    def read(value: str) -> int:
        digits = value.strip()
        if not (digits.isascii() and digits.isdigit() and least <= int(digits) <= most):
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(digits)

    read.__doc__ = f"{least} to {most}"
    return read


def switch(value: str) -> bool:
    """On or off."""
    if value not in {"on", "off"}:
        raise ValueError("must be on or off")
    return value == "on"


def one_of(*values: str) -> Callable[[str], str]:
    """Reads one of ``values``."""

    def read(value: str) -> str:
        if value not in values:
            raise ValueError(f"must be one of {', '.join(values)}")
        return value

    read.__doc__ = ", ".join(values)
    return read


def url(value: str) -> str:
    """Reads nothing, or an absolute URL without credentials, query and fragment."""
    address = value.strip()
    if address and not is_url(address):
        raise ValueError("must be an absolute http or https URL without credentials")
    return address.rstrip("/")


def urls(value: str) -> tuple[str, ...]:
    """Reads absolute URLs, comma separated."""
    found = listed(value)
    if not all(is_url(item) for item in found):
        raise ValueError("must list absolute http or https URLs")
    return found


def origins(value: str) -> tuple[str, ...]:
    """Reads origins of web pages, comma separated."""
    found = listed(value)
    if not all(_is_origin(item) for item in found):
        raise ValueError(
            "must list origins such as https://ehr.example.org: scheme and host, no path, no *"
        )
    return found


def listed(value: str) -> tuple[str, ...]:
    """The parts of a comma separated list, without the empty ones."""
    return tuple(part for item in value.split(",") if (part := item.strip()))


def is_url(address: str) -> bool:
    """Whether it is an absolute http or https URL without credentials, query or fragment."""
    try:
        parts = urlsplit(address)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.username is None
            and not (parts.query or parts.fragment)
            and address.isprintable()
            and " " not in address
        )
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether ``host``, a name or an address, is this machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_origin(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return is_url(address) and "*" not in address and address == f"{parts.scheme}://{parts.netloc}"
