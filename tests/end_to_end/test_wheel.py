"""The wheel holds everything that running needs, and runs away from the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("relapse_model", "fhir_mappings", "cds_service")


@pytest.fixture(scope="module")
def wheel(
    root: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The wheel as the Dockerfile builds it: no isolation, nothing fetched."""
    folder = tmp_path_factory.mktemp("wheel")
    command = ["wheel", "--quiet", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir"]
    _pip([*command, str(folder), str(root)], environment)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path, root: Path) -> None:
    """Modules, decision tables, code sets, card words and sample patients; no test."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(root))
        for package in PACKAGES
        for path in (root / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert held == ours
    assert any(name.startswith("relapse_model/tables/") for name in held)
    assert any(name.startswith("cds_service/sample_patients/") for name in held)


def test_the_wheel_carries_licence_and_notice(wheel: Path) -> None:
    """Terminology owners are named wherever their codes go."""
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name for name in archive.namelist() if "/licenses/" in name}

    assert {"LICENSE", "NOTICE"} <= names


def test_the_installed_wheel_starts_outside_the_checkout(
    wheel: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    """The application of a worker is made from installed files alone, and answers discovery."""
    installed = tmp_path / "installed"
    _pip(
        ["install", "--quiet", "--no-deps", "--no-index", "--target", str(installed), str(wheel)],
        environment,
    )
    program = (
        "from cds_service import server; print(server.__file__);"
        "print(server.application().test_client().get('/cds-services').status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    place, status = done.stdout.splitlines()[-2:]

    assert Path(place).is_relative_to(installed)
    assert status == "200 OK"


def _pip(arguments: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
