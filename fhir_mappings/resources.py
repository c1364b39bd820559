"""Prefetch values, read entry by entry into typed resources.

What has nothing wrong in it is decoded in one typed pass, anything else entry by entry: a bad
entry becomes ``Unreadable`` with its fault named and never spoils the others. Nothing that
a client sends raises. What a search returned beside data (``search.mode`` = outcome) is
neither data nor an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Final

import msgspec

from fhir_mappings import r4, r4_bundle, r4b
from fhir_mappings.r4_bundle import Held

MOST_ENTRIES: Final = 5_000
"""Entries of one Bundle that are read; a longer one would take memory and time without bound."""
_TYPE: Final = b'"resourceType"'
_MOST_UNCOUNTED: Final = 400_000
"""Bytes in which there is no room for too many of anything."""
_MOST_RESOURCES: Final = 4 * MOST_ENTRIES
"""With those that are contained in others."""
_MOST_OBJECTS: Final = 50 * MOST_ENTRIES
"""JSON objects of any kind: an Observation has about 15."""
MOST_NAMED_FAULTS: Final = 10
"""How many refused resources are handed to the full FHIR model, which is slow."""

_RESOURCE: Final[msgspec.json.Decoder[r4.Resource]] = msgspec.json.Decoder(r4.Resource)
_READ: Final[msgspec.json.Decoder[r4_bundle.Read]] = msgspec.json.Decoder(r4_bundle.Read)
_BUNDLE: Final = msgspec.json.Decoder(r4_bundle.Bundle)
_ENTRY: Final = msgspec.json.Decoder(r4_bundle.Entry)
_HEAD: Final = msgspec.json.Decoder(r4_bundle.Head)
_REFUSED: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What msgspec raises; UnicodeDecodeError is a ValueError."""

_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,64}")


class PrefetchKind(Enum):
    """What one prefetch value turned out to be."""

    DATA = "data"
    EMPTY = "empty"
    FAILED = "failed"
    """An OperationOutcome instead of data: the client's query failed."""
    UNREADABLE = "unreadable"
    TOO_MANY = "too many"
    """More entries than are read: nothing of it was."""


@dataclass(frozen=True, slots=True)
class PrefetchState:
    """What ``Resources.add`` found; ``truncated`` = there is more than was sent."""

    kind: PrefetchKind
    truncated: bool = False
    next_url: str | None = None
    total: int = 0
    """How many matches the server says there are; 0 where it does not say."""
    entries: int = 0
    """Records in the Bundle, read or not; 0 for a single resource."""
    complaint: bool = False
    """The server says in an entry that the search failed, at least in part."""


@dataclass(frozen=True, slots=True, order=True)
class Unreadable:
    """An entry that could not be read: its reference or place, and the fault, without values."""

    reference: str
    fault: str


@dataclass
class Resources:
    """Everything that was sent or fetched for one question."""

    _sent: defaultdict[str, list[Held[Any]]] = field(default_factory=lambda: defaultdict(list))
    """By type, as they came."""
    _in_order: dict[str, list[Held[Any]]] = field(default_factory=dict)
    """What ``held`` found, until something is added."""
    unreadable: list[Unreadable] = field(default_factory=list)
    truncated: set[str] = field(default_factory=set)
    """Prefetch keys of which more exists than was sent."""

    def add(self, raw: bytes | msgspec.Raw, where: str) -> PrefetchState:
        """Read one prefetch value (JSON bytes); ``where`` is its key, used to name places."""
        self._in_order.clear()
        if _too_many(raw):
            return PrefetchState(PrefetchKind.TOO_MANY)
        try:
            read = _READ.decode(raw)
        except _REFUSED:
            data = bytes(raw)
            if not data.strip():
                return PrefetchState(PrefetchKind.EMPTY)
            return self._add_slowly(data, where)
        return self._add_read(read, where)

    def _add_read(self, read: r4_bundle.Read, where: str) -> PrefetchState:
        if read is None:
            return PrefetchState(PrefetchKind.EMPTY)
        if isinstance(read, r4.OperationOutcome):
            return PrefetchState(PrefetchKind.FAILED)
        if not isinstance(read, r4_bundle.ReadBundle):
            return PrefetchState(self._keep(Held(resource=read)))
        if len(read.entry) > MOST_ENTRIES:
            return PrefetchState(PrefetchKind.TOO_MANY)
        return self._state([self._keep(entry) for entry in read.entry], read, where)

    def _add_slowly(self, data: bytes, where: str) -> PrefetchState:
        """What is no searchset, or one with something in it that we do not read."""
        head = _head(data)
        if head is None or head.resource_type is None:
            self.unreadable.append(Unreadable(where, "is not a FHIR resource"))
            return PrefetchState(PrefetchKind.UNREADABLE)
        if head.resource_type == "OperationOutcome":
            return PrefetchState(PrefetchKind.FAILED)
        if head.resource_type == "Bundle":
            return self._add_bundle(data, where)
        return PrefetchState(self._add_resource(data, None, where))

    def include(self, other: Resources) -> None:
        """Take in what ``other`` holds, as if it had been added here."""
        self._in_order.clear()
        for name, sent in other._sent.items():
            self._sent[name] += sent
        self.unreadable += other.unreadable

    def held(self, resource_type: str) -> list[Held[Any]]:
        """All resources of a type, each version once, in an order of their own."""
        found = self._in_order.get(resource_type)
        if found is None:
            sent = self._sent.get(resource_type, ())
            found = self._in_order[resource_type] = _each_once(sent)
        return found

    @property
    def holds_anything(self) -> bool:
        """Whether any resource could be read."""
        return bool(self._sent)

    @property
    def patient_ids(self) -> frozenset[str]:
        """Ids of the Patient resources."""
        return frozenset(held.resource.id for held in self.held("Patient") if held.resource.id)

    def _add_bundle(self, data: bytes, where: str) -> PrefetchState:
        try:
            bundle = _BUNDLE.decode(data)
        except _REFUSED:
            self._refuse("Bundle", data, where)
            return PrefetchState(PrefetchKind.UNREADABLE)
        if len(bundle.entry) > MOST_ENTRIES:
            return PrefetchState(PrefetchKind.TOO_MANY)
        kinds = [
            self._add_entry(raw, f"{where}[{place}]") for place, raw in enumerate(bundle.entry)
        ]
        return self._state(kinds, bundle, where)

    def _state(
        self,
        kinds: list[PrefetchKind],
        bundle: r4_bundle.Bundle | r4_bundle.ReadBundle,
        where: str,
    ) -> PrefetchState:
        """What ``kinds``, one of each entry, make of the whole; an outcome is EMPTY or FAILED."""
        kind = next((k for k in (PrefetchKind.DATA, PrefetchKind.UNREADABLE) if k in kinds), None)
        records = kinds.count(PrefetchKind.DATA) + kinds.count(PrefetchKind.UNREADABLE)
        following = [link.url for link in bundle.link if link.relation == "next"]
        total = bundle.total or 0
        truncated = bool(following) or total > records
        if truncated:
            self.truncated.add(where)
        return PrefetchState(
            kind or PrefetchKind.EMPTY,
            truncated,
            following[0] if following else None,
            total,
            records,
            PrefetchKind.FAILED in kinds,
        )

    def _add_entry(self, raw: msgspec.Raw, where: str) -> PrefetchKind:
        try:
            entry = _ENTRY.decode(raw)
        except _REFUSED:
            self.unreadable.append(Unreadable(where, "is not an entry of a Bundle"))
            return PrefetchKind.UNREADABLE
        if entry.search is not None and entry.search.mode == "outcome":
            return _outcome(_decoded(entry.resource))
        if not bytes(entry.resource):
            self.unreadable.append(Unreadable(where, "has no resource"))
            return PrefetchKind.UNREADABLE
        return self._add_resource(entry.resource, entry.full_url, where)

    def _add_resource(
        self, data: bytes | msgspec.Raw, full_url: str | None, where: str
    ) -> PrefetchKind:
        resource = _decoded(data)
        if resource is None:
            return self._not_decoded(bytes(data), where)
        return self._keep(Held(resource=resource, full_url=full_url))

    def _keep(self, entry: Held[r4.Resource]) -> PrefetchKind:
        name = type(entry.resource).__name__
        if name == "OperationOutcome" or (entry.search and entry.search.mode == "outcome"):
            return _outcome(entry.resource)
        self._sent[name].append(entry)
        return PrefetchKind.DATA

    def _not_decoded(self, data: bytes, where: str) -> PrefetchKind:
        head = _head(data)
        if head is None or head.resource_type is None:
            self.unreadable.append(Unreadable(where, "is not a FHIR resource"))
            return PrefetchKind.UNREADABLE
        if head.resource_type not in r4.READ_TYPES:
            return PrefetchKind.DATA  # another resource than those we read: not ours to judge
        named = isinstance(head.id, str) and _ID.fullmatch(head.id)
        reference = f"{head.resource_type}/{head.id}" if named else where
        self._refuse(head.resource_type, data, reference)
        return PrefetchKind.UNREADABLE

    def _refuse(self, resource_type: str, data: bytes, reference: str) -> None:
        if len(self.unreadable) < MOST_NAMED_FAULTS:
            fault = r4b.fault(resource_type, data)
        else:
            fault = "is not the FHIR R4 resource it says it is"
        self.unreadable.append(Unreadable(reference, fault))


def _decoded(data: bytes | msgspec.Raw) -> r4.Resource | None:
    try:
        return _RESOURCE.decode(data)
    except _REFUSED:
        return None


def _outcome(resource: r4.Resource | None) -> PrefetchKind:
    """FAILED where a server says beside the data that the search failed, at least in part.

    A warning (a parameter that it does not know) is none: what it found is filtered here anyway.
    """
    if isinstance(resource, r4.OperationOutcome) and any(
        issue.severity in {"error", "fatal"} for issue in resource.issue
    ):
        return PrefetchKind.FAILED
    return PrefetchKind.EMPTY


def _too_many(data: bytes | msgspec.Raw) -> bool:
    """Whether it has to be refused before it is decoded, which would take memory."""
    if len(memoryview(data)) <= _MOST_UNCOUNTED:
        return False
    content = bytes(data)
    objects = content.count(b"{")
    return objects > _MOST_OBJECTS or (
        objects > _MOST_RESOURCES and content.count(_TYPE) > _MOST_RESOURCES
    )


def _head(data: bytes) -> r4_bundle.Head | None:
    try:
        return _HEAD.decode(data)
    except _REFUSED:
        return None


def _each_once(sent: Iterable[Held[Any]]) -> list[Held[Any]]:
    """What was sent without what was sent again, ordered by id, then by content."""
    by_id: dict[str, Held[Any]] = {}
    versions: dict[str, list[Held[Any]]] = {}
    for held in sent:
        identity = held.resource.id or held.full_url or _as_json(held).decode()
        first = by_id.setdefault(identity, held)
        if first is not held:
            versions.setdefault(identity, [first]).append(held)
    found: list[Held[Any]] = []
    for identity in sorted(by_id):
        found += _latest(versions[identity]) if identity in versions else (by_id[identity],)
    return found


def _latest(versions: Iterable[Held[Any]]) -> list[Held[Any]]:
    """The newest of several versions by ``meta.lastUpdated``; all, where that does not tell."""
    distinct = {_as_json(held): held for held in versions}
    if len(distinct) > 1:
        stamps = {content: _stamp(held) for content, held in distinct.items()}
        known = [stamp for stamp in stamps.values() if stamp is not None]
        if len(known) == len(distinct):
            newest = max(known)
            distinct = {key: held for key, held in distinct.items() if stamps[key] == newest}
    return [distinct[content] for content in sorted(distinct)]


def _as_json(held: Held[Any]) -> bytes:
    """What we read of a resource, as bytes that two equal ones share."""
    return msgspec.json.encode((held.resource, held.full_url))


def _stamp(held: Held[Any]) -> datetime | None:
    text = held.resource.meta.last_updated if held.resource.meta else None
    try:
        stamp = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return stamp if stamp is not None and stamp.tzinfo is not None else None
