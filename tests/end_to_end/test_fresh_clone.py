"""A newcomer clones the repository and types ``make run``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INSTALLING = "Installing requirements"
"""What the first start says and the second, which has nothing to install, does not."""


@pytest.fixture
def clone(
    request: pytest.FixtureRequest, root: Path, environment: dict[str, str], tmp_path: Path
) -> Path:
    """A clone of the last commit, without anything that this checkout has installed."""
    asked_for = request.config.option.markexpr == "fresh_clone"
    if os.environ.get("CI") != "true" and not asked_for:
        pytest.skip("takes a minute and the network: make test-fresh, or CI=true")
    if shutil.which("git") is None or not (root / ".git").exists():
        pytest.skip("not a git checkout: there is nothing to clone")
    folder = tmp_path / "clone"
    # A build machine's checkout may belong to another user than the one who tests it.
    trusting = tmp_path / "gitconfig"
    trusting.write_text("[safe]\n\tdirectory = *\n", encoding="utf-8")
    subprocess.run(
        ["git", "clone", "--quiet", str(root), str(folder)],
        env={**environment, "GIT_CONFIG_GLOBAL": str(trusting)},
        check=True,
        timeout=60,
    )
    return folder


@pytest.mark.fresh_clone
def test_make_run_alone_serves_a_fresh_clone_and_again_at_once(
    clone: Path,
    served: Callable[..., Any],
    free_port: Callable[[], int],
    curl_command: Callable[[int], str],
    environment: dict[str, str],
) -> None:
    """The first start installs what running needs alone, the second nothing; the curl works."""
    port = free_port()
    command = ["make", "run", f"PORT={port}"]
    with served(command, clone, environment, port, 180) as first:
        done = subprocess.run(
            ["sh", "-c", curl_command(port)],
            cwd=clone,
            env=environment,
            capture_output=True,
            check=True,
            timeout=30,
        )
        first_said = first.log.read_text(encoding="utf-8")
    with served(command, clone, environment, port, 60) as second:
        second_said = second.log.read_text(encoding="utf-8")

    assert json.loads(done.stdout)["cards"]
    assert not list(clone.glob(".venv/lib/*/site-packages/pytest"))
    assert INSTALLING in first_said
    assert INSTALLING not in second_said
    untracked = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=clone,
        env=environment,
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert not untracked.stdout


@pytest.mark.fresh_clone
def test_make_sbom_lists_what_runs_with_versions_and_licences(
    clone: Path, root: Path, environment: dict[str, str]
) -> None:
    """CycloneDX, of an environment that holds the running lock and nothing else."""
    (clone / ".venv-dev").symlink_to((root / ".venv-dev").resolve())
    subprocess.run(["make", "sbom"], cwd=clone, env=environment, check=True, timeout=300)
    bill = json.loads((clone / "build/sbom.json").read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert bill["metadata"]["component"]["name"] == "relapsed-all-cds"
    listed = {
        f"{re.sub('[-_.]+', '-', item['name']).lower()}=={item['version']}": item
        for item in bill["components"]
    }
    lock = (clone / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+==[^\s;]+) \\$", lock, re.MULTILINE))
    assert pinned
    assert pinned <= set(listed)
    assert {name for name in pinned if not listed[name].get("licenses")} == set()
    assert not any(name.startswith("pytest==") for name in listed)
