"""The servers that are compared: the baseline, the service as it ships, and a distant EHR."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.processes import Process, free_port, running
from bench.signed_calls import PUBLIC_URL

LATENCY_MS: Final = 50
"""How long the distant EHR takes for every answer."""


@contextmanager
def baseline(folder: Path) -> Iterator[Process]:
    """The baseline under gunicorn with one sync worker."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    command += ["--worker-class", "sync", "--log-level", "warning", "bench.baseline:app"]
    with running(command, port, {}, folder) as process:
        yield process


@contextmanager
def service(
    folder: Path, *, workers: int = 1, settings: dict[str, str] | None = None
) -> Iterator[Process]:
    """The service as the Dockerfile starts it, with so many workers.

    Development mode, which asks for no token, unless ``settings`` say otherwise.
    """
    port = free_port()
    command = [sys.executable, "-m", "cds_service"]
    chosen = {"PORT": str(port), "CDS_WORKERS": str(workers)}
    own = own_settings(folder) | (settings or {}) | chosen
    with running(command, port, own, folder) as process:
        yield process


def own_settings(folder: Path) -> dict[str, str]:
    """The settings of the service under measurement; ``folder`` holds its database."""
    return {
        "CDS_FEEDBACK_DATABASE": f"sqlite:///{folder / 'feedback.sqlite3'}",
        "CDS_PUBLIC_URL": PUBLIC_URL,
        "CDS_SAMPLE_PATIENTS": "off",
        "CDS_SMART_CLIENT_ID": "",  # off in production too, unless a site sets it up
    }


@contextmanager
def distant_ehr(folder: Path, size_name: str) -> Iterator[Process]:
    """A FHIR server with ``LATENCY_MS`` before every answer."""
    port = free_port()
    command = [sys.executable, "-m", "bench.distant_ehr", str(port), str(LATENCY_MS), size_name]
    with running(command, port, {}, folder) as process:
        yield process
