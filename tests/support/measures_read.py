"""What ``/metrics`` says, and by how much it grew."""

from __future__ import annotations

from flask.testing import FlaskClient


def counted(client: FlaskClient) -> dict[str, float]:
    """Every sample of /metrics by its name and labels."""
    text = client.get("/metrics").text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """By how much each counter grew; times, and the asking itself, apart."""
    return {
        name: value - before.get(name, 0)
        for name, value in after.items()
        if value != before.get(name, 0) and "_total" in name and "/metrics" not in name
    }
