"""The FHIR R4 (4.0.1) elements that this service reads, and no others.

This file is the list of what we read: elements that are not declared are skipped, not built.
Types are strict: a resource with an element of another type is refused as a whole and named
(``r4b.fault``). Dates stay text here; ``dates`` reads them. Numbers are exact decimals.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

_LARGEST_EXPONENT = 18
"""No amount of a child's record is above 10^18 or, if not zero, below 10^-18."""


class Element(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of all elements: immutable, hashable, FHIR spelling of names."""


class Coding(Element, frozen=True, kw_only=True):
    """A code of a terminology."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class Concept(Element, frozen=True, kw_only=True):
    """CodeableConcept."""

    coding: tuple[Coding, ...] = ()
    text: str | None = None


class Quantity(Element, frozen=True, kw_only=True):
    """A number with a unit; refuses what no measurement is (NaN, 1e999)."""

    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None

    def __post_init__(self) -> None:
        """Refuse numbers that are not finite or beyond any measurement."""
        value = self.value
        if value is not None and (
            not value.is_finite() or (value and abs(value.adjusted()) > _LARGEST_EXPONENT)
        ):
            raise ValueError("Expected a finite number of ordinary size")


class Ratio(Element, frozen=True, kw_only=True):
    """Two quantities divided."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Element, frozen=True, kw_only=True):
    """A time from ``start`` to ``end``, either of which may be missing."""

    start: str | None = None
    end: str | None = None


class Identifier(Element, frozen=True, kw_only=True):
    """A business identifier: groups a result with what amends it."""

    system: str | None = None
    value: str | None = None


class Reference(Element, frozen=True, kw_only=True):
    """A reference; a logical one (identifier only) has no ``reference``."""

    reference: str | None = None


class Extension(Element, frozen=True, kw_only=True):
    """An extension with the value types that are read."""

    url: str | None = None
    value_date_time: str | None = None
    value_date: str | None = None
    value_codeable_concept: Concept | None = None
    value_quantity: Quantity | None = None
    value_reference: Reference | None = None
    extension: tuple[Extension, ...] = ()


class BodySite(Concept, frozen=True, kw_only=True):
    """A bodySite: a concept with laterality and location qualifiers as extensions."""

    extension: tuple[Extension, ...] = ()


class Meta(Element, frozen=True, kw_only=True):
    """Which of two versions of a resource is the later."""

    last_updated: str | None = None


class Specimen(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Specimen"):
    """What a result was measured in."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    type: Concept | None = None


class Patient(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Patient"):
    """The child."""

    id: str | None = None
    meta: Meta | None = None
    birth_date: str | None = None
    gender: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None


class Condition(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Condition"):
    """A disease, its state, or a site."""

    id: str | None = None
    meta: Meta | None = None
    subject: Reference | None = None
    clinical_status: Concept | None = None
    verification_status: Concept | None = None
    code: Concept | None = None
    body_site: tuple[BodySite, ...] = ()
    onset_date_time: str | None = None
    onset_period: Period | None = None
    onset_age: Quantity | None = None
    onset_string: str | None = None
    recorded_date: str | None = None
    extension: tuple[Extension, ...] = ()


class Component(Element, frozen=True, kw_only=True):
    """One of several results of an Observation."""

    code: Concept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: Concept | None = None
    value_string: str | None = None
    value_ratio: Ratio | None = None
    value_boolean: bool | None = None
    data_absent_reason: Concept | None = None
    interpretation: tuple[Concept, ...] = ()


class Contained(Element, frozen=True, kw_only=True):
    """A contained resource: only specimens are read."""

    resource_type: str | None = None
    id: str | None = None
    type: Concept | None = None


class Observation(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Observation"):
    """A result."""

    id: str | None = None
    meta: Meta | None = None
    identifier: tuple[Identifier, ...] = ()
    status: str | None = None
    category: tuple[Concept, ...] = ()
    code: Concept | None = None
    subject: Reference | None = None
    focus: tuple[Reference, ...] = ()
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: Concept | None = None
    value_string: str | None = None
    value_ratio: Ratio | None = None
    value_boolean: bool | None = None
    data_absent_reason: Concept | None = None
    interpretation: tuple[Concept, ...] = ()
    body_site: BodySite | None = None
    method: Concept | None = None
    specimen: Reference | None = None
    part_of: tuple[Reference, ...] = ()
    has_member: tuple[Reference, ...] = ()
    component: tuple[Component, ...] = ()
    contained: tuple[Contained, ...] = ()


class Procedure(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Procedure"):
    """A treatment."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    category: Concept | None = None
    code: Concept | None = None
    subject: Reference | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    performed_age: Quantity | None = None
    performed_string: str | None = None
    body_site: tuple[BodySite, ...] = ()
    outcome: Concept | None = None
    part_of: tuple[Reference, ...] = ()
    extension: tuple[Extension, ...] = ()


class OperationOutcome(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="OperationOutcome"
):
    """What a server says instead of data; its text is not read."""

    id: str | None = None


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


Resource = Patient | Condition | Observation | Procedure | Specimen | OperationOutcome
READ_TYPES = frozenset({"Patient", "Condition", "Observation", "Procedure", "Specimen"})


class ReadEntry(Element, frozen=True, kw_only=True):
    """An entry whose resource is one that we read."""

    resource: Resource
    full_url: str | None = None
    search: Search | None = None


class ReadBundle(Element, frozen=True, kw_only=True):
    """A searchset in which nothing is wrong: decoded in one pass."""

    resource_type: str | None = None
    total: int | None = None
    link: tuple[Link, ...] = ()
    entry: tuple[ReadEntry, ...] = ()


class Head(Element, frozen=True, kw_only=True):
    """The first look at unknown JSON: which resource it says it is."""

    resource_type: str | None = None
    id: object = None
