"""The application behind a real socket, in this process: for browsers and for calls to itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from werkzeug.serving import WSGIRequestHandler, make_server

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.fhir_server.settings import FhirSettings


class _Quiet(WSGIRequestHandler):
    """No access log: the product writes none either."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


@contextmanager
def served_app(config: Config | None = None) -> Iterator[str]:
    """Serve ``config`` on a free port of this machine; the base URL."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        port = listening.getsockname()[1]
        config = replace(
            config or Config(feedback_database="sqlite://"),
            port=port,
            # It asks itself, on a machine that may be busy: no test is about being late.
            fhir=FhirSettings(deadline_ms=60_000),
        )
        app = create_app(config)
        server = make_server(
            "127.0.0.1", port, app, threaded=True, fd=listening.fileno(), request_handler=_Quiet
        )
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
