"""``python -m cds_service`` starts fast, says what to try next, and what it says works."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest

from cds_service.__main__ import what_to_try
from cds_service.config import Config
from cds_service.sample_patients.samples import samples


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(port: int, **settings: str) -> subprocess.Popen[str]:
    """The service as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "cds_service"],
        env={**os.environ, "PORT": str(port), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """Address of a running service, and what it printed when it was ready."""
    port = free_port()
    process = started(port)
    assert process.stdout is not None
    printed = [process.stdout.readline()]
    while printed[-1] and "sample-deceased" not in printed[-1]:
        printed.append(process.stdout.readline())
    yield f"http://127.0.0.1:{port}", "".join(printed)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode == 0


def answer(url: str, body: bytes | None = None) -> bytes:
    """The body of a 200 answer."""
    headers = {"Content-Type": "application/json"}
    request = Request(url, data=body, headers=headers)  # noqa: S310 - an address of our own
    for attempt in range(50):
        try:
            with urlopen(request, timeout=5) as response:  # noqa: S310 - as above
                content: bytes = response.read()
                return content
        except ConnectionError:
            time.sleep(0.05 * attempt)
    raise AssertionError(url)


def test_what_it_prints_can_be_followed_line_by_line(served: tuple[str, str]) -> None:
    """Discovery, the two curl addresses, the sandbox with both addresses, every sample patient."""
    base, printed = served
    assert f"{base}/cds-services\n" in printed
    sample, service = re.search(r"curl -s (\S+) \|\n.*-d @- (\S+)\n", printed).groups()  # type: ignore[union-attr]
    cards = json.loads(answer(service, answer(sample)))["cards"]
    assert cards[0]["summary"].startswith("S3, high risk")
    assert f"?fhirServiceUrl={base}/fhir&serviceDiscoveryURL={base}/cds-services&" in printed
    assert json.loads(answer(f"{base}/fhir/metadata"))["implementation"]["url"] == f"{base}/fhir"
    assert all(patient_id in printed for patient_id in samples())


@pytest.mark.parametrize(
    ("settings", "named"), [({"PORT": "http"}, "PORT"), ({"CDS_MODE": "x"}, "CDS_MODE")]
)
def test_a_bad_setting_ends_the_start_with_one_line_that_names_it(
    settings: dict[str, str], named: str
) -> None:
    """No traceback: the person at the keyboard needs the name of the setting."""
    process = started(8080, **settings)
    printed, complaint = process.communicate(timeout=20)
    assert process.returncode == 2
    assert printed == ""
    assert named in complaint
    assert len(complaint.splitlines()) == 1


def test_a_port_in_use_is_said_with_another_to_try() -> None:
    """Two servers would share it, and each answer some calls."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        process = started(port)
        _, complaint = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"PORT={port + 1}" in complaint


def test_production_prints_no_sample_patients() -> None:
    """There are none."""
    printed = what_to_try(Config(mode="production", sample_patients=False))
    assert "sample" not in printed
    assert "/cds-services" in printed
