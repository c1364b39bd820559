"""``GET /health``: that the service is up, and what it is made of."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from relapse_model.loader import tables

DISTRIBUTION = "relapsed-all-cds"


def software_version() -> str:
    """Version of the installed package; ``unknown`` when run from a bare source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def health() -> dict[str, str]:
    """The health document: status, version of the software, digest of the decision tables."""
    return {
        "status": "ok",
        "version": software_version(),
        "tables": tables().digest,
        "fhir": "4.0.1",
        "cdsHooks": "2.0",
    }
