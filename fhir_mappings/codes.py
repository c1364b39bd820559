"""Codes: which sets a coding belongs to, from an index built once when the program starts.

The code sets are TOML (``code_sets/``): one row per code with its display and how it was
verified. VERIFIED rows decide, PARTIAL rows stand in sets named ``*_hint`` and only widen what
is possible, UNVERIFIED rows are refused. Checked at load: syntax and check digit of each code
system, a display, and that no code stands in two sets of one file.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources as package_files
from types import MappingProxyType
from typing import Any, Final

from fhir_mappings.code_syntax import syntax_defect
from fhir_mappings.errors import CodeSetError
from fhir_mappings.r4 import Coding, Concept
from fhir_mappings.site_codes import NO_SETS, SETS_OF_SITES, SiteCode, SiteCodes, indexed, site_sets

_VERIFIED: Final = ("VERIFIED-1", "VERIFIED-2")
_FILES: Final = (
    "disease",
    "sites",
    "body_sites",
    "results",
    "values",
    "genetics",
    "procedures",
    "medications",
)
_ICD: Final = ("icd-10-cm", "icd-10")
_PREFIXED: Final = "icd-10-pcs"


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One code of a set: ``system`` is the short name, ``uri`` what FHIR calls it."""

    system: str
    uri: str
    code: str
    display: str
    verified: str
    prefix: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class CodeSet:
    """Codes that mean the same to one fact."""

    name: str
    file: str
    meaning: str
    rows: tuple[CodeRow, ...]


@dataclass(frozen=True)
class CodeIndex:
    """Every code set, and the way from a coding to the sets it stands in."""

    sets: Mapping[str, CodeSet]
    systems: Mapping[str, str]
    """URI or alias -> short name."""
    _exact: Mapping[tuple[str, str], frozenset[str]]
    _prefixes: tuple[tuple[str, frozenset[str]], ...]
    _codes: Mapping[str, frozenset[str]]

    def sets_of_coding(self, coding: Coding) -> frozenset[str]:
        """Names of the sets, shipped or the site's own, that hold ``coding``."""
        if coding.system is None or coding.code is None:
            return NO_SETS
        own = site_sets(coding.system, coding.code)
        system = self.systems.get(coding.system) or self.systems.get(coding.system.strip())
        if system is None:
            return own
        code = normalised(system, coding.code)
        found = self._exact.get((system, code), NO_SETS)
        if system == _PREFIXED and not found:
            found = next((s for prefix, s in self._prefixes if code.startswith(prefix)), NO_SETS)
        return found | own if own else found

    def sets_of(self, *concepts: Concept | None) -> frozenset[str]:
        """Names of the sets that hold any coding of ``concepts``."""
        found = NO_SETS
        for concept in concepts:
            if concept is not None:
                for coding in concept.coding:
                    found |= self.sets_of_coding(coding)
        return found

    def misplaced(self, concept: Concept | None) -> frozenset[str]:
        """Sets whose codes appear in ``concept`` under no system or another system's URI."""
        if concept is None or self.sets_of(concept):
            return NO_SETS
        found = NO_SETS
        for coding in concept.coding:
            found |= self._codes.get(_bare(coding.code or ""), NO_SETS)
        return found

    def rows_of(self, *names: str) -> Iterator[CodeRow]:
        """The rows of the named sets."""
        for name in names:
            yield from self.sets[name].rows


def normalised(system: str, code: str) -> str:
    """``code`` without spaces around it; ICD codes also without the dot, in upper case."""
    text = code.strip()
    if system in _ICD:
        return text.replace(".", "").upper()
    return text.upper() if system == _PREFIXED else text


def loaded() -> CodeIndex:
    """The shipped code sets, checked.

    Raises CodeSetError naming file, set and code where a row is not valid.
    """
    systems = _read("systems")
    sets: dict[str, CodeSet] = {}
    for file in _FILES:
        for code_set in _code_sets(file, _read(file), systems):
            if code_set.name in sets:
                raise CodeSetError(f"{file}.toml: {code_set.name}", "is defined twice")
            sets[code_set.name] = code_set
    return index_of(sets.values(), systems)


def index_of(code_sets: Iterable[CodeSet], systems: Mapping[str, Mapping[str, Any]]) -> CodeIndex:
    """The index of ``code_sets``.

    Raises CodeSetError where one code stands in two sets of one file.
    """
    exact: dict[tuple[str, str], set[str]] = {}
    codes: dict[str, set[str]] = {}
    prefixes: list[tuple[str, frozenset[str]]] = []
    files: dict[tuple[str, str, str], str] = {}
    sets = {code_set.name: code_set for code_set in code_sets}
    for name, code_set in sets.items():
        for row in code_set.rows:
            code = normalised(row.system, row.code)
            other = files.setdefault((code_set.file, row.system, code), name)
            if other != name:
                raise CodeSetError(f"{code_set.file}.toml: {name}: {code}", f"is also in {other}")
            if row.prefix:
                prefixes.append((code, frozenset({name})))
            else:
                exact.setdefault((row.system, code), set()).add(name)
                codes.setdefault(_bare(code), set()).add(name)
    uris = {
        uri: short
        for short, entry in systems.items()
        for uri in (str(entry["uri"]), *map(str, entry["aliases"]))
    }
    return CodeIndex(
        sets=MappingProxyType(sets),
        systems=MappingProxyType(uris),
        _exact=MappingProxyType({key: frozenset(names) for key, names in exact.items()}),
        _prefixes=tuple(prefixes),
        _codes=MappingProxyType({key: frozenset(names) for key, names in codes.items()}),
    )


def site_codes(rows: Iterable[SiteCode], index: CodeIndex | None = None) -> SiteCodes:
    """The codes of a site, checked against the shipped sets.

    Raises CodeSetError, naming the code, for a set that does not exist or only hints, for a code
    listed twice, and for one that a shipped set of the same file already holds.
    """
    known = index or CODES
    kept = tuple(rows)
    seen: set[tuple[str, str, str]] = set()
    for row in kept:
        where = f"{row.set}: {row.code}"
        if row.set not in SETS_OF_SITES and (
            row.set not in known.sets or row.set.endswith("_hint")
        ):
            raise CodeSetError(where, "names no code set (docs/fhir.md lists them)")
        shipped = known.sets_of_coding(Coding(system=row.system, code=row.code))
        if shipped:
            raise CodeSetError(where, f"is a shipped code of {', '.join(sorted(shipped))}")
        key = (_file_of(row.set, known), row.system, row.code)
        if key in seen:
            raise CodeSetError(where, "is listed twice")
        seen.add(key)
    return indexed(kept)


def _file_of(name: str, index: CodeIndex) -> str:
    return index.sets[name].file if name in index.sets else name


def _code_sets(
    file: str, content: Mapping[str, Any], systems: Mapping[str, Mapping[str, Any]]
) -> Iterator[CodeSet]:
    for name, entry in content["sets"].items():
        rows = tuple(_row(f"{file}.toml: {name}", row, systems) for row in entry["rows"])
        if not rows or not entry.get("meaning"):
            raise CodeSetError(f"{file}.toml: {name}", "has no rows or no meaning")
        for row in rows:
            if row.verified not in _VERIFIED and not name.endswith("_hint"):
                raise CodeSetError(f"{file}.toml: {name}: {row.code}", "is not VERIFIED")
        yield CodeSet(name, file, str(entry["meaning"]), rows)


def _row(where: str, row: Mapping[str, Any], systems: Mapping[str, Mapping[str, Any]]) -> CodeRow:
    code, short = str(row.get("code", "")), str(row.get("system", ""))
    system = systems.get(short)
    if system is None:
        raise CodeSetError(f"{where}: {code}", f"has no known system: {short!r}")
    prefix = bool(row.get("prefix", False))
    defect = syntax_defect(str(system["syntax"]), code, prefix=prefix)
    if defect:
        raise CodeSetError(f"{where}: {code}", defect)
    if not row.get("display") or row.get("verified") not in (*_VERIFIED, "PARTIAL"):
        raise CodeSetError(f"{where}: {code}", "has no display, or is not verified")
    return CodeRow(
        system=short,
        uri=str(system["uri"]),
        code=code,
        display=str(row["display"]),
        verified=str(row["verified"]),
        prefix=prefix,
        note=str(row.get("note", "")),
    )


def _bare(code: str) -> str:
    return code.strip().replace(".", "").upper()


def _read(name: str) -> dict[str, Any]:
    text = (
        package_files.files("fhir_mappings")
        .joinpath("code_sets", f"{name}.toml")
        .read_text("utf-8")
    )
    return tomllib.loads(text)


CODES: Final = loaded()
"""The index of the shipped code sets."""
