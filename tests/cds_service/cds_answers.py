"""Where the service is, and what an error response must carry."""

from __future__ import annotations

import json
from typing import Any

SERVICE = "/cds-services/relapsed-all-stratification"


def outcome_of(response: Any) -> dict[str, Any]:
    """The first issue of the OperationOutcome that an error response must carry."""
    document = json.loads(response.data)
    assert document["resourceType"] == "OperationOutcome"
    assert document["issue"][0]["severity"] == "error"
    issue: dict[str, Any] = document["issue"][0]
    return issue
