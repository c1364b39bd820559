"""What the Dockerfile builds starts in production by its own command, and answers a signed call."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from debian_servers import free_port
from image_steps import Image, instructions
from service_process import PATIENCE
from trusted_clients import EHR, PUBLIC_URL, trust_file

SERVICE = "/cds-services/relapsed-all-stratification"


@pytest.fixture(scope="module")
def image(request: pytest.FixtureRequest, root: Path, newcomer: dict[str, str]) -> Iterator[Image]:
    """The image, built in a fresh folder from the checkout's files and the package index."""
    asked_for = request.config.option.markexpr == "fresh_clone"
    if os.environ.get("CI") != "true" and not asked_for:
        pytest.skip("takes a minute and the network: make test-fresh, or CI=true")
    with tempfile.TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
        built = Image(root, folder, newcomer)
        built.build()
        yield built


@pytest.fixture
def container(image: Image) -> Iterator[str]:
    """The address of the image's command, run as its user with a trust file."""
    port = free_port()
    etc = image.folder / "etc"
    etc.mkdir(exist_ok=True)
    settings = {
        "CDS_TRUST_FILE": str(trust_file(etc)),
        "CDS_PUBLIC_URL": PUBLIC_URL,
        "HOST": "127.0.0.1",  # the image has 0.0.0.0, which is for a container alone
        "PORT": str(port),
    }
    assert (image.stage["HOST"], image.stage["PORT"]) == ("0.0.0.0", "8080")  # noqa: S104 - as above
    log = image.folder / "log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            image.command,
            cwd=image.workdir,
            env={**image.run_environment(), **settings},
            stdout=output,
            stderr=subprocess.STDOUT,
            user=image.user,
            start_new_session=True,
        ) as process,
    ):
        try:
            give_up = time.monotonic() + PATIENCE
            while not _well(image, port):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < give_up, log.read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0, log.read_text()


def _well(image: Image, port: int) -> bool:
    """What the HEALTHCHECK of the Dockerfile says."""
    command = [part.replace(":8080", f":{port}") for part in image.healthcheck]
    done = subprocess.run(
        command, env=image.run_environment(), capture_output=True, check=False, timeout=30
    )
    return done.returncode == 0


@pytest.mark.fresh_clone
def test_the_container_answers_a_signed_call_and_no_other(container: str, example: bytes) -> None:
    """Production, by the command of the Dockerfile; sample patients and metrics are off."""
    headers = {"Content-Type": "application/json"}
    signed = EHR.bearer()
    statuses = []
    for sent in ({**headers, **signed}, {**headers, **signed}, headers):
        answer = requests.post(container + SERVICE, data=example, headers=sent, timeout=30)
        statuses.append(answer.status_code)
        if answer.ok:
            assert answer.json()["cards"]
    assert statuses == [200, 401, 401]  # once; the same token again; none at all
    ready = requests.get(f"{container}/health/ready", timeout=30)
    assert ready.status_code == 200, ready.text
    for closed in ("/fhir/Patient", "/metrics", "/sample-requests/sample-s3-early-marrow"):
        assert requests.get(container + closed, timeout=30).status_code == 404


@pytest.mark.fresh_clone
def test_the_image_holds_the_wheel_and_what_the_lock_pins_and_no_build_tool(
    image: Image, root: Path
) -> None:
    """Installed from the wheel, not found in a checkout; pip and the build back end are gone."""
    program = (
        "import cds_service, re, importlib.metadata as m; print(cds_service.__file__);"
        "print(*(re.sub('[-_.]+', '-', d.name.lower()) for d in m.distributions()))"
    )
    done = subprocess.run(
        [str(image.folder / "opt/service/bin/python"), "-c", program],
        cwd=image.folder,
        env=image.run_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    place, installed = done.stdout.splitlines()
    pins = re.findall(
        r"^([a-z0-9-]+)==\S+(.*)", (root / "requirements.lock").read_text(), re.MULTILINE
    )
    pinned = {name for name, marker in pins if ";" not in marker}
    assert Path(place).is_relative_to(image.folder / "opt/service")
    assert pinned | {"relapsed-all-cds"} <= set(installed.split())
    assert not {"pip", "hatchling", "pytest", "setuptools"} & set(installed.split())


def test_the_last_stage_runs_without_rights_and_installs_nothing(root: Path) -> None:
    """A user of its own, by number; what is built comes from the first stage alone."""
    steps = list(instructions((root / "Dockerfile").read_text(encoding="utf-8")))
    starts = [number for number, (name, _) in enumerate(steps) if name == "FROM"]
    assert len(starts) == 2
    last = steps[starts[1] :]
    assert [argument for name, argument in last if name == "USER"] == ["10001:10001"]
    assert [argument for name, argument in last if name == "COPY"] == [
        "--from=build /opt/service /opt/service"
    ]
    assert not any(re.search(r"pip|apt", argument) for name, argument in last if name == "RUN")
    assert all("slim" in argument for name, argument in steps if name == "FROM")
