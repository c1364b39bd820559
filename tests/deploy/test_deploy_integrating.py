"""docs/integrate.md: what it tells a site to type works as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from debian_servers import free_port
from nginx_proxy import nginx
from service_process import Service

from cds_service.trust.trust_file import trusted_clients

_FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    """The page."""
    return (root / "docs/integrate.md").read_text(encoding="utf-8")


@pytest.fixture
def commands(page: str) -> list[str]:
    """What is typed, in the order of the page."""
    return [text for language, text in _FENCED.findall(page) if language == "sh"]


@pytest.fixture
def workplace(root: Path, newcomer: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who works in a folder with the examples, with our Python."""
    shutil.copytree(root / "examples", tmp_path / "examples")
    path = f"{Path(sys.executable).parent}{os.pathsep}{newcomer['PATH']}"
    return {**newcomer, "PATH": path, "PYTHONPATH": str(root), "HOME": str(tmp_path)}


def typed(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command of the page prints."""
    done = subprocess.run(
        ["sh", "-ec", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_test_call_brings_the_card_that_the_page_shows(
    commands: list[str], page: str, workplace: dict[str, str], tmp_path: Path
) -> None:
    """Key, entry, signed call through TLS and proxy, in production; a second call works too."""
    entry, call, _ = commands
    typed(entry, tmp_path, workplace)
    settings = {
        **workplace,
        "CDS_MODE": "production",
        "CDS_PUBLIC_URL": "https://cds.example.org",
        "CDS_TRUST_FILE": str(tmp_path / "trust.toml"),
        "CDS_REPLAY_STORE": f"sqlite:///{tmp_path}/replay.sqlite3",
        "CDS_FEEDBACK_DATABASE": f"sqlite:///{tmp_path}/feedback.sqlite3",
    }
    service = Service(free_port(), settings, tmp_path / "log")
    service.start()
    try:
        with nginx(service.port) as proxy:
            # The name of the page leads to this machine; nothing else of the call is changed.
            there = f'connect-to = "cds.example.org:443:localhost:{proxy.port}"'
            (tmp_path / ".curlrc").write_text(f'{there}\ncacert = "{proxy.certificate}"\n')
            answers = [json.loads(typed(call, tmp_path, workplace)) for _ in range(2)]
    finally:
        service.kill()
    (summary,) = re.findall(r"^> \*\*(.*)\*\*$", page, re.MULTILINE)
    for answer in answers:
        assert answer["cards"][0]["summary"] == summary
        assert answer["cards"][0]["indicator"] == "warning"
        assert answer["extension"]["org.relapsed-all.decision"]["plan"] == "HSCT_HR"


def test_the_key_of_the_test_client_is_made_once_and_read_by_its_owner_alone(
    commands: list[str], workplace: dict[str, str], tmp_path: Path
) -> None:
    """Nothing of the private half stands in the entry."""
    for _ in range(2):
        typed(commands[0], tmp_path, workplace)
    first, second = (tmp_path / "trust.toml").read_text().strip().split("[[clients]]")[1:]
    assert first.strip() == second.strip()
    key = tmp_path / "signing_client.json"
    assert key.stat().st_mode & 0o077 == 0
    assert json.loads(key.read_text())["d"] not in first


def test_the_sample_bundles_are_written_where_the_page_says(
    commands: list[str], workplace: dict[str, str], tmp_path: Path
) -> None:
    """One file for each child."""
    assert "21 transaction Bundles" in typed(commands[2], tmp_path, workplace)
    assert (tmp_path / "bundles/sample-s3-early-marrow.json").is_file()


def test_every_trust_entry_of_the_page_is_accepted_in_production(page: str, tmp_path: Path) -> None:
    """For Epic, Oracle Health and the generic client; all profiles exist."""
    entries = [text for language, text in _FENCED.findall(page) if language == "toml"]
    assert len(entries) == 3
    for text in entries:
        file = tmp_path / "trust.toml"
        file.write_text(text, encoding="utf-8")
        (client,) = trusted_clients(str(file), development=False).values()
        assert client.fhir_servers
        assert f'profile = "{client.profile}"' in text
