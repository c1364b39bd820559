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


class Element(msgspec.Struct, frozen=True, kw_only=True, rename="camel", gc=False):
    """Base of all elements: immutable, hashable, FHIR spelling of names.

    ``gc=False``: they are trees, so that the collector of cycles need not walk them.
    """


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


class Observation(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Observation"):
    """A result."""

    id: str | None = None
    meta: Meta | None = None
    identifier: tuple[Identifier, ...] = ()
    status: str | None = None
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
    contained: tuple[msgspec.Raw, ...] = ()


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


class Issue(Element, frozen=True, kw_only=True):
    """What went wrong; its text is not read."""

    severity: str | None = None


class OperationOutcome(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="OperationOutcome"
):
    """What a server says instead of data, or beside it."""

    id: str | None = None
    issue: tuple[Issue, ...] = ()


class Medication(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="Medication"):
    """A product, named by a prescription or an administration."""

    id: str | None = None
    meta: Meta | None = None
    code: Concept | None = None


class DispenseRequest(Element, frozen=True, kw_only=True):
    """How long a prescription may be filled."""

    validity_period: Period | None = None


class MedicationRequest(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="MedicationRequest"
):
    """A prescription."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    subject: Reference | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    authored_on: str | None = None
    dispense_request: DispenseRequest | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class MedicationStatement(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="MedicationStatement"
):
    """A medication that somebody says was taken."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class MedicationAdministration(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="MedicationAdministration"
):
    """A medication that was given."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    medication_codeable_concept: Concept | None = None
    medication_reference: Reference | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    contained: tuple[msgspec.Raw, ...] = ()


class CarePlan(Element, frozen=True, kw_only=True, tag_field="resourceType", tag="CarePlan"):
    """A plan of care: first-line therapy where a site says by which code."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    subject: Reference | None = None
    category: tuple[Concept, ...] = ()
    period: Period | None = None


class EpisodeOfCare(
    Element, frozen=True, kw_only=True, tag_field="resourceType", tag="EpisodeOfCare"
):
    """An episode of care: first-line therapy where a site says by which code."""

    id: str | None = None
    meta: Meta | None = None
    status: str | None = None
    type: tuple[Concept, ...] = ()
    patient: Reference | None = None
    period: Period | None = None


Prescribed = MedicationRequest | MedicationStatement | MedicationAdministration
DataResource = (
    Patient
    | Condition
    | Observation
    | Procedure
    | Specimen
    | Medication
    | MedicationRequest
    | MedicationStatement
    | MedicationAdministration
    | CarePlan
    | EpisodeOfCare
)
Resource = DataResource | OperationOutcome
ContainedResource = Specimen | Observation | Medication
"""Contained resources that are read; others are of no concern to us."""
READ_TYPES = frozenset(
    {
        "Patient",
        "Condition",
        "Observation",
        "Procedure",
        "Specimen",
        "Medication",
        "MedicationRequest",
        "MedicationStatement",
        "MedicationAdministration",
        "CarePlan",
        "EpisodeOfCare",
    }
)
