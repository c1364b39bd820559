"""The files of the repository, as git or the file system lists them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("relapse_model", "fhir_mappings", "cds_service")
_DERIVED = {
    ".git",
    ".venv",
    ".venv-dev",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".import_linter_cache",
    "build",
    "dist",
}


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def files() -> list[Path]:
    """Every file that is, or may become, part of the repository."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if listed.returncode == 0:
            paths = [ROOT / name for name in listed.stdout.split("\0") if name]
            return [path for path in paths if path.is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not _DERIVED & set(path.parts)]


@pytest.fixture(scope="session")
def modules(files: list[Path]) -> list[Path]:
    """Every Python file."""
    return [path for path in files if path.suffix == ".py"]


@pytest.fixture(scope="session")
def package_modules(modules: list[Path]) -> list[Path]:
    """The Python files of the three packages."""
    return [path for path in modules if path.relative_to(ROOT).parts[0] in PACKAGES]
