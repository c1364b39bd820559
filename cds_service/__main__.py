"""``python -m cds_service``: serve on HOST and PORT, and say what to try next.

``python -m cds_service WORD`` does what ``commands`` says of the word instead.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from cds_service.app import create_app
from cds_service.commands import answered
from cds_service.config import Config
from cds_service.decision_log import write_to_stderr
from cds_service.discovery import SERVICE_ID
from cds_service.errors import CommandError, StartError
from cds_service.sample_patients.samples import samples
from cds_service.self_check import CHECK, self_check

SANDBOX = "https://sandbox.cds-hooks.org/"
_THREADS = 8
_LONGEST_REQUEST_LINE = 8190


class Server(BaseApplication):  # type: ignore[misc] # gunicorn is untyped
    """gunicorn with one worker of several threads: a browser keeps connections open."""

    def __init__(self, app: Flask, config: Config) -> None:
        """Serve ``app`` as ``config`` says."""
        self._app = app
        self._config = config
        super().__init__()

    def load_config(self) -> None:
        """Settings of gunicorn; no access log, because addresses hold patient ids."""
        host = f"[{self._config.host}]" if ":" in self._config.host else self._config.host
        for name, value in {
            "bind": f"{host}:{self._config.port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": _THREADS,
            "loglevel": "warning",
            # A search by GET carries whole code lists in its address.
            "limit_request_line": _LONGEST_REQUEST_LINE,
            "when_ready": lambda _server: _say(what_to_try(self._config)),
            "post_worker_init": lambda _worker: _freeze(),
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """The application, made before the workers."""
        return self._app


def what_to_try(config: Config) -> str:
    """What a newcomer can do now: discovery, a curl line, the sandbox, the sample patients."""
    base = config.base_url
    lines = [
        f"Serving on {base} ({config.mode})",
        f"  discovery   curl {base}/cds-services",
    ]
    if config.sample_patients:
        first = next(iter(samples()))
        as_json = "-H 'Content-Type: application/json'"
        query = f"fhirServiceUrl={base}/fhir&serviceDiscoveryURL={base}/cds-services"
        lines += [
            f"  browser     {base}/",
            f"  a decision  curl -s {base}/sample-requests/{first} |",
            f"                curl -s {as_json} -d @- {base}/cds-services/{SERVICE_ID}",
            f"  sandbox     {SANDBOX}?{query}&patientId={first}",
            "  sample patients (all invented):",
            *(f"    {child.patient_id:32}{child.about}" for child in samples().values()),
        ]
    return "\n".join(lines)


def main(arguments: Sequence[str] = ()) -> int:
    """Serve until stopped; 2 when an argument, a setting or the address is not usable."""
    if list(arguments) == [CHECK]:
        return _checked()
    try:
        config = Config.from_environment(os.environ)
        if arguments:
            _say(answered(arguments, config))
            return 0
        write_to_stderr()
        app = create_app(config)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StartError as error:
        return _refused(str(error))
    if not _free(config):
        return _refused(f"{config.host}:{config.port} is not free; try PORT={config.port + 1}")
    # gunicorn reads its own arguments and environment; ours come from Config alone.
    sys.argv = sys.argv[:1]
    Server(app, config).run()
    return 0


def _checked() -> int:
    done = self_check(os.environ, datetime.now(UTC).date())
    _say("\n".join(done.lines))
    return 0 if done.sound else 2


def _refused(why: str) -> int:
    sys.stderr.write(f"cds_service does not start: {why}\n")
    return 2


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _free(config: Config) -> bool:
    try:
        kind = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind[0], kind[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(kind[4])
    except OSError:
        return False
    return True


def _freeze() -> None:
    # What was built at start need not be walked by the collector for every request.
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
