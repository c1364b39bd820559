"""Whose resource is it: only what is about this child is evidence.

``subject`` may be relative (``Patient/p1``), absolute, or the fullUrl of the Patient's Bundle
entry (``urn:uuid:``). Another patient's resource (a sibling's HLA typing) is set aside and
noted; a missing subject or a logical one (identifier only) proves nothing, so neither counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from fhir_mappings.r4 import Observation, Reference

_HISTORY: Final = "/_history/"


class About(Enum):
    """Whom a resource is about."""

    THIS_PATIENT = "this patient"
    ANOTHER = "another patient"
    NOBODY_NAMED = "nobody named"


@dataclass(frozen=True, slots=True)
class Subject:
    """The child of the question: the id, and the fullUrls under which it was sent."""

    patient_id: str
    full_urls: frozenset[str] = frozenset()

    def about(self, reference: Reference | None) -> About:
        """Whom ``reference`` names."""
        text = (reference.reference or "").strip() if reference else ""
        if not text:
            return About.NOBODY_NAMED
        own = f"Patient/{self.patient_id}"
        if text == own or text in self.full_urls or local(text) == own:
            return About.THIS_PATIENT
        return About.ANOTHER


def focused_elsewhere(observation: Observation, subject: Subject) -> bool:
    """Whether ``focus`` moves the result to another person (a donor, a mother)."""
    return any(
        local(focus.reference or "").startswith(("Patient/", "RelatedPerson/"))
        and subject.about(focus) is not About.THIS_PATIENT
        for focus in observation.focus
    )


def names_another(reference: Reference | None, patient_id: str) -> bool:
    """Whether ``reference`` names a patient of another id; a fullUrl may be anybody's."""
    named = local(reference.reference.strip()) if reference and reference.reference else ""
    return named.startswith("Patient/") and named != f"Patient/{patient_id}"


def local(reference: str) -> str:
    """``Type/id`` of a relative or absolute reference, without its version."""
    text = reference.partition(_HISTORY)[0].rstrip("/")
    return "/".join(text.rsplit("/", 2)[-2:]) if "/" in text else text
