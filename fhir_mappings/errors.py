"""Everything that can be wrong in the mappings, drawn once.

    FhirMappingsError
    ├── CodeSetError          a file in code_sets/ is not valid: the program does not start
    └── UnknownResourceError  a type that this service neither reads nor names

Nothing that a FHIR server sends raises: what cannot be read is collected (``Resources``).
"""

from __future__ import annotations


class FhirMappingsError(Exception):
    """Base of all errors of the mappings."""


class CodeSetError(FhirMappingsError):
    """A code set is not valid; names the file, the set and the row."""

    def __init__(self, where: str, what: str) -> None:
        """Name the place (``file: set: code``) and the defect."""
        super().__init__(f"{where}: {what}")
        self.where = where


class UnknownResourceError(FhirMappingsError):
    """A resource type without a FHIR R4 model; the text does not repeat it."""
