"""A Coding of every code that the mappings know."""

from __future__ import annotations

from fhir_mappings.codes import CODES

CODINGS = [
    {"system": row.uri, "code": row.code, "display": row.display}
    for code_set in CODES.sets.values()
    for row in code_set.rows
]
