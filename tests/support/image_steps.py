"""The steps of the Dockerfile, followed without a container engine in a folder of their own.

Each instruction is read from the file and done as it stands there, with the absolute places of the
image moved into the folder. An instruction that is not known here fails the test.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PLACES = re.compile(r"(?<![\w.])/(?=(?:build|opt|var|tmp)\b)")
_NOBODY = 65_534
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Name and argument of each instruction; comments and line ends are taken out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    for line in filter(str.strip, joined.splitlines()):
        name, _, argument = line.partition(" ")
        yield name, argument.strip()


def _interpreter() -> tuple[str, bool]:
    """A Python that can make environments, and whether any user may run it."""
    candidates = [getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"]
    if os.geteuid():
        return candidates[0], False
    program = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for candidate in candidates:
        with contextlib.suppress(OSError):
            done = subprocess.run(
                [candidate, "-c", program], user=_NOBODY, capture_output=True, check=False
            )
            if done.returncode == 0:
                return candidate, True
    return candidates[0], False


@dataclass
class Image:
    """What the steps make: files under ``folder``, environment, user and commands."""

    checkout: Path
    folder: Path
    environment: dict[str, str]
    workdir: Path = field(init=False)
    user: int | None = None
    reachable: bool = field(init=False)
    """Whether another user than root may run the interpreter that is used."""
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)
    bases: list[str] = field(default_factory=list)
    stage: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A base image is an empty folder with a Python of its own."""
        self.workdir = self.folder
        binaries = self.folder / "usr/bin"
        binaries.mkdir(parents=True)
        python, self.reachable = _interpreter()
        (binaries / "python").symlink_to(python)

    def build(self) -> None:
        """Follow every instruction of the Dockerfile."""
        for name, argument in instructions((self.checkout / "Dockerfile").read_text("utf-8")):
            step = getattr(self, f"do_{name.lower()}")
            step(argument)

    def run_environment(self) -> dict[str, str]:
        """The environment of a container, and of a step of the last stage."""
        path = f"{self.folder}/usr/bin:{os.environ['PATH']}"
        told = {name: value.replace("$PATH", path) for name, value in self.stage.items()}
        return {**self.environment, "PATH": path, **told}

    def do_from(self, argument: str) -> None:
        """A stage; of the one before it only what is copied remains."""
        self.bases.append(argument.split(maxsplit=1)[0])
        self.stage, self.workdir, self.user = {}, self.folder, None

    def do_workdir(self, argument: str) -> None:
        """The folder of the steps that follow."""
        self.workdir = Path(self._here(argument))
        self.workdir.mkdir(parents=True, exist_ok=True)

    def do_env(self, argument: str) -> None:
        """Variables of the steps that follow and of the container."""
        pairs = (pair.partition("=") for pair in argument.split())
        self.stage.update({name: self._here(value) for name, _, value in pairs})

    def do_copy(self, argument: str) -> None:
        """Files of the checkout, as far as .dockerignore lets them in, or of the stage before."""
        if argument.startswith("--from=build "):
            source, target = (Path(self._here(item)) for item in argument.split()[1:])
            assert source == target, "a virtual environment works only where it was made"
            for left in ("build", "opt/build"):  # nothing else of that stage is in the image
                shutil.rmtree(self.folder / left)
            return
        *sources, target = argument.split()
        allowed = (self.checkout / ".dockerignore").read_text("utf-8").splitlines()
        for source in sources:
            assert f"!{source}" in allowed, f".dockerignore keeps {source} out"
            held, into = self.checkout / source, self.workdir / target
            if held.is_dir():
                shutil.copytree(held, into, ignore=_IGNORED)
            else:
                shutil.copy(held, into)

    def do_run(self, argument: str) -> None:
        """A shell command."""
        command = self._here(argument)
        if os.geteuid():  # owners are only set by root
            command = re.sub(r" -[og] \d+", "", command)
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=self.workdir,
            env=self.run_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def do_user(self, argument: str) -> None:
        """Who the container runs as."""
        if self.reachable:
            self.user = int(argument.partition(":")[0])

    def do_volume(self, argument: str) -> None:
        """A place that outlives a container: it must be there, and belong to its user."""
        assert Path(self._here(argument)).is_dir()

    def do_expose(self, argument: str) -> None:
        """The port that the command listens on."""
        assert argument == "8080"

    def do_healthcheck(self, argument: str) -> None:
        """The command that tells whether a container is well."""
        self.healthcheck = json.loads(argument[argument.index("CMD ") + 4 :])

    def do_cmd(self, argument: str) -> None:
        """The command of a container."""
        self.command = json.loads(argument)

    def _here(self, text: str) -> str:
        return _PLACES.sub(f"{self.folder}/", text)
