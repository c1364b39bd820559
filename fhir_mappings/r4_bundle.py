"""Bundles as FHIR R4 servers and clients send them: the elements around the resources."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from fhir_mappings import r4
from fhir_mappings.r4 import Element

R = TypeVar("R")


class Search(Element, frozen=True, kw_only=True):
    """Why an entry is in a search result."""

    mode: str | None = None


class Entry(Element, frozen=True, kw_only=True):
    """An entry of a Bundle; the resource stays bytes until it is decoded on its own."""

    full_url: str | None = None
    resource: msgspec.Raw = msgspec.Raw()
    search: Search | None = None


class Link(Element, frozen=True, kw_only=True):
    """A link of a Bundle; ``next`` says that there is more."""

    relation: str | None = None
    url: str | None = None


class Bundle(Element, frozen=True, kw_only=True):
    """A searchset; each entry stays bytes, so that one bad entry spoils no other."""

    resource_type: str | None = None
    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[msgspec.Raw, ...] = ()


class Held(Element, Generic[R], frozen=True, kw_only=True):
    """An entry whose resource is one that we read: the resource as sent, and its fullUrl."""

    resource: R
    full_url: str | None = None
    search: Search | None = None

    @property
    def reference(self) -> str:
        """``Condition/c2``; the fullUrl, or the bare type, of a resource without id."""
        resource: Any = self.resource
        name = type(resource).__name__
        return f"{name}/{resource.id}" if resource.id else self.full_url or name


class ReadBundle(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Bundle"):
    """A searchset in which nothing is wrong: decoded in one pass."""

    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[Held[r4.Resource], ...] = ()


Read = ReadBundle | r4.Resource | None
"""A prefetch value in which nothing is wrong; None: the client has no data."""


class Head(Element, frozen=True, kw_only=True):
    """The first look at unknown JSON: which resource it says it is."""

    resource_type: str | None = None
    id: object = None
