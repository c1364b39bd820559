"""Programs of tests/node, where Node 20 or newer and their packages are installed.

A test that needs one skips where it cannot run; on a build machine (CI=true) it fails.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "node"
_OLDEST = 20


@cache
def why_not() -> str:
    """Why the programs cannot run here; empty when they can."""
    node = shutil.which("node")
    if node is None:
        return "node is not installed"
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.match(r"v(\d+)", told)
    if match is None or int(match.group(1)) < _OLDEST:
        return f"node is older than {_OLDEST}"
    if not (FOLDER / "node_modules").is_dir():
        return "the packages of tests/node are not installed (npm ci --prefix tests/node)"
    return ""


def _need() -> None:
    if reason := why_not():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def package_file(path: str) -> Path:
    """A file of an installed package of tests/node; skips or fails the test where there is none."""
    _need()
    return FOLDER / "node_modules" / path


def answer(program: str, question: Any) -> Any:
    """What ``program`` answers to a JSON document; skips or fails the test where it cannot run."""
    _need()
    done = subprocess.run(
        [str(shutil.which("node")), program],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        check=False,
        cwd=FOLDER,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)
