"""The site's own codes: the settings file of ``CDS_LOCAL_CODES``, read and checked at start.

The schema and an example stand in docs/local-codes.md.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cds_service.errors import SettingError
from fhir_mappings.codes import site_codes
from fhir_mappings.errors import CodeSetError
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCode, SiteCodes

SETTING = "CDS_LOCAL_CODES"
FIELDS = ("set", "system", "code", "display", "verified_by")
MOST_CODES = 500
LONGEST = 300
"""Characters of one field."""


def local_codes(path: str) -> SiteCodes:
    """The codes of the file at ``path``; none where it is empty.

    Raises SettingError naming the entry and its fault.
    """
    if not path.strip():
        return NO_SITE_CODES
    try:
        content = tomllib.loads(Path(path.strip()).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        raise SettingError(SETTING, "must name a file that can be read") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingError(SETTING, f"is not TOML: {error}") from None
    return _checked(content)


def _checked(content: Mapping[str, Any]) -> SiteCodes:
    if unknown := sorted(set(content) - {"codes"}):
        raise SettingError(SETTING, f"holds {unknown[0]!r}, which is not in its schema")
    entries = content.get("codes", [])
    if not isinstance(entries, list) or not 0 < len(entries) <= MOST_CODES:
        raise SettingError(SETTING, f"must hold 1 to {MOST_CODES} [[codes]]")
    rows = [_row(entry, f"codes[{place}]") for place, entry in enumerate(entries)]
    try:
        return site_codes(rows)
    except CodeSetError as error:
        raise SettingError(SETTING, f"codes: {error}") from None


def _row(entry: Any, where: str) -> SiteCode:  # noqa: ANN401 - what a TOML file holds
    if not isinstance(entry, dict):
        raise SettingError(SETTING, f"{where} is not a table")
    if unknown := sorted(set(entry) - set(FIELDS)):
        raise SettingError(SETTING, f"{where} holds {unknown[0]!r}, which is not in its schema")
    for field in FIELDS:
        text = entry.get(field)
        if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
            raise SettingError(SETTING, f"{where}.{field} must be a text")
    row = SiteCode(**{field: entry[field].strip() for field in FIELDS})
    if not _is_uri(row.system):
        raise SettingError(SETTING, f"{where}.system must be an absolute URI")
    if any(sign in row.code for sign in "|,$\\ &#"):
        raise SettingError(SETTING, f"{where}.code has a sign that no search can ask for")
    return row


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    signs = text.isascii() and text.isprintable() and not set(text) & set(" ,|{}")
    return bool(parts.scheme and (parts.netloc or parts.path) and signs)
