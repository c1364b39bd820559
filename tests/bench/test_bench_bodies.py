"""The bodies of the bench: always the same, of the stated length, and no two alike."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.bodies import HOOK_INSTANCE, SIZES, Size, bodies, without_prefetch
from fhir_mappings.queries import QUERIES

ROOT = Path(__file__).resolve().parents[2]
SMALL, MEDIUM, LARGE, HUGE = SIZES
_DIGEST = """
import hashlib
from bench.bodies import SIZES, bodies
print(hashlib.sha256(b"".join(body.content for body in bodies(SIZES[0]))).hexdigest())
"""


@pytest.mark.parametrize("size", [SMALL, MEDIUM, LARGE, HUGE], ids=lambda size: size.name)
def test_a_body_is_as_long_as_its_size_says(size: Size) -> None:
    """At least the size, and within the last resource or one whole core chart of it."""
    (body,) = bodies(size, 1)

    assert size.body_bytes <= len(body.content) < size.body_bytes + 10_000


def test_the_bodies_are_the_same_in_every_run() -> None:
    """Another process, which hashes its strings differently, makes the same bytes."""
    done = subprocess.run(  # noqa: S603 - this Python
        [sys.executable, "-c", _DIGEST],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1"},
        capture_output=True,
        text=True,
        check=True,
    )

    made = b"".join(body.content for body in bodies(SMALL))
    assert done.stdout.strip() == hashlib.sha256(made).hexdigest()


def test_no_two_bodies_of_a_size_are_alike() -> None:
    """So that remembering whole bodies wins nothing."""
    assert len({body.content for body in bodies(SMALL)}) == SMALL.variants


def test_every_body_asks_about_a_child_under_all_our_prefetch_keys() -> None:
    """Bundles hold the child's resources, and unrelated ones around them."""
    for body in bodies(MEDIUM, 4):
        hook = json.loads(body.content)

        assert hook["context"]["patientId"] == body.patient_id
        assert set(hook["prefetch"]) == {query.key for query in QUERIES}
        laboratory = hook["prefetch"]["laboratory"]
        assert laboratory["total"] == len(laboratory["entry"]) > 50
        assert body.content.count(HOOK_INSTANCE.encode()) == 1


def test_every_second_ehr_sends_vital_signs_among_the_laboratory_results() -> None:
    """A server may ignore a search parameter; the service has to sort it out."""
    first, second = bodies(MEDIUM, 2)

    assert b"-vital-" not in first.content
    assert b"-vital-" in second.content


def test_a_call_without_prefetch_names_the_fhir_server_to_ask() -> None:
    """Nothing is sent but the question."""
    (body,) = bodies(SMALL, 1)
    hook = json.loads(without_prefetch(body, "http://127.0.0.1:1/fhir"))

    assert "prefetch" not in hook
    assert hook["fhirServer"] == "http://127.0.0.1:1/fhir"
