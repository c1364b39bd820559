"""Everything that can be wrong, drawn once.

RelapseModelError
├── TableError    a file in tables/ is not a cited partition: the program does not start
└── FactsError    facts that cannot be read; names the field
"""

from __future__ import annotations


class RelapseModelError(Exception):
    """Base of all errors of the model."""


class TableError(RelapseModelError):
    """A decision table, threshold, source or statement file is not valid."""

    def __init__(self, where: str, what: str) -> None:
        """Name the place (``file: path``) and the defect."""
        super().__init__(f"{where}: {what}")
        self.where = where


class FactsError(RelapseModelError):
    """A fact that cannot be read; ``field`` is its path in the input."""

    def __init__(self, field: str, what: str) -> None:
        """Name the field and the defect, never the patient."""
        super().__init__(f"{field}: {what}")
        self.field = field
        self.what = what
