"""What the service is measured against: Flask, ``json.loads`` of the body, one static card."""

from __future__ import annotations

import json

from flask import Flask, Response, request

_CARD = json.dumps(
    {
        "cards": [
            {
                "uuid": "5f0e7f0e-0000-4000-8000-000000000000",
                "summary": "A static card",
                "indicator": "info",
                "source": {"label": "Baseline of the bench"},
            }
        ]
    }
)

app = Flask(__name__)


@app.post("/cds-services/<service_id>")
def answer(service_id: str) -> Response:
    """Parse the body, look at the hook, and show the same card to everybody."""
    hook = json.loads(request.get_data())
    if hook["hook"] != "patient-view" or not service_id:
        return Response(status=400)
    return Response(_CARD, mimetype="application/json")


@app.get("/health")
def health() -> Response:
    """That it is up."""
    return Response("{}", mimetype="application/json")
