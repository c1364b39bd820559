"""A server of JWK Sets whose answers a test chooses, and which counts who asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, RSAKey

PATH = "/jwks.json"


class KeyServer:
    """Answers with ``body``, or as ``answer`` does; ``asked`` are the headers of every call."""

    def __init__(self) -> None:
        """Serve an empty set on a free port."""
        self.body = b'{"keys": []}'
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: Callable[[BaseHTTPRequestHandler], None] = self.plain
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.leave = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.asked.append((self.path, dict(self.headers)))
                with suppress(OSError):
                    owner.answer(self)

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def serve(self, keys: Iterable[ECKey | RSAKey | dict[str, Any]]) -> None:
        """Answer with the public halves of ``keys`` from now on."""
        jwks = [key if isinstance(key, dict) else key.as_dict(private=False) for key in keys]
        self.body = json.dumps({"keys": jwks}).encode()

    def with_tls(self, certificate: Path) -> str:
        """Speak TLS from now on, with this certificate and key; the new address."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        return self.url.replace("http:", "https:")

    def plain(self, request: BaseHTTPRequestHandler) -> None:
        """Status, headers and body as they are set."""
        request.send_response(self.status)
        for name, value in {"Content-Length": str(len(self.body)), **self.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(self.body)

    def drip(self, request: BaseHTTPRequestHandler) -> None:
        """A header that never ends, a byte at a time."""
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.leave.wait(0.05):
            request.wfile.write(b"x")

    def silent(self, _request: BaseHTTPRequestHandler) -> None:
        """No answer at all."""
        self.leave.wait()

    def endless(self, request: BaseHTTPRequestHandler) -> None:
        """A body without end."""
        request.send_response(200)
        request.end_headers()
        while not self.leave.is_set():
            request.wfile.write(b" " * 65_536)

    def close(self) -> None:
        """Stop, and let every call that waits go."""
        self.leave.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def key_server() -> Iterator[KeyServer]:
    """A server for the time of one test."""
    server = KeyServer()
    try:
        yield server
    finally:
        server.close()
