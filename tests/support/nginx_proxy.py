"""deploy/nginx.conf with nginx really running, in front of whatever listens on a port."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debian_servers import free_port, program, wait_for

CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx.conf"
MAKE_SECRETS = Path(__file__).parents[2] / "deploy/make_secrets.sh"


@dataclass(frozen=True)
class Proxy:
    """A running nginx: its port, the certificate it shows, and the log of its requests."""

    port: int
    certificate: Path
    log: Path

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"https://localhost:{self.port}"


def rendered(folder: Path, port: int, service: int) -> str:
    """The configuration with the places of this machine; everything else as it is deployed."""
    places = {
        "/tmp/": f"{folder}/tmp/",  # noqa: S108 - a place in the container
        "listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "server service:8080;": f"server 127.0.0.1:{service};",
        "/run/secrets/": f"{folder}/secrets/",
        "/dev/stdout": f"{folder}/access.log",
        "/dev/stderr": f"{folder}/error.log",
    }
    text = CONFIGURATION.read_text(encoding="utf-8")
    for deployed, here in places.items():
        assert deployed in text, f"{deployed} is not in nginx.conf"
        text = text.replace(deployed, here)
    return text


@contextmanager
def nginx(service: int, *, once: bool = False) -> Iterator[Proxy]:
    """A proxy before the port ``service``; ``once``: only ``nginx -t``."""
    command = str(program("nginx", "/usr/sbin"))
    program("openssl")  # makes the certificate
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o755)
        (folder / "tmp").mkdir(mode=0o777)
        (folder / "tmp").chmod(0o777)
        subprocess.run(["sh", str(MAKE_SECRETS), str(folder / "secrets")], check=True, timeout=60)
        configuration = folder / "nginx.conf"
        configuration.write_text(rendered(folder, port, service), encoding="utf-8")
        options = ["-c", str(configuration), "-p", name, "-g", "daemon off;"]
        checked = subprocess.run(
            [command, *options, "-t"], capture_output=True, text=True, check=False, timeout=60
        )
        assert checked.returncode == 0, checked.stderr
        proxy = Proxy(port, folder / "secrets/tls_certificate", folder / "access.log")
        if once:
            yield proxy
            return
        with subprocess.Popen([command, *options], stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(port, server)
                yield proxy
            finally:
                server.terminate()


def time_limit(name: str) -> int:
    """A limit of the configuration in seconds."""
    (seconds,) = re.findall(rf"{name} (\d+)s;", CONFIGURATION.read_text(encoding="utf-8"))
    return int(seconds)
