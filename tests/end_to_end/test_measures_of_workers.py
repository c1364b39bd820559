"""Several workers tell Prometheus one sum."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import requests
from service_process import Service

CALLS = 40


def test_metrics_count_what_every_worker_answered(
    environment: dict[str, str], free_port: Callable[[], int], root: Path, tmp_path: Path
) -> None:
    """Whichever worker is asked, and after all of them were replaced."""
    settings = {
        **environment,
        "PYTHONPATH": str(root),
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "measures"),
        "CDS_FEEDBACK_DATABASE": "sqlite://",
    }
    service = Service(free_port(), settings, tmp_path / "log")
    service.start()
    try:
        for _ in range(CALLS):
            requests.get(f"{service.base}/cds-services", timeout=10)
        assert {_discoveries(service) for _ in range(6)} == {CALLS}
    finally:
        service.kill()
    service.start()
    try:
        assert _discoveries(service) == CALLS
    finally:
        service.kill()


def _discoveries(service: Service) -> int:
    text = requests.get(f"{service.base}/metrics", timeout=10).text
    label = r'cds_requests_total\{method="GET",route="/cds-services",status="200"\} ([0-9.]+)'
    (found,) = re.findall(label, text)
    return int(float(found))
