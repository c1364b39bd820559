"""One JWK Set fetched from its address: within a total time and a size, and from nowhere else.

Nothing of the environment is used (no proxy, no .netrc), no redirect is followed, nothing is
unpacked. A server that sends byte after byte, or a name server that does not answer, costs no more
than the time allowed.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

SECONDS: Final = 2.0
MOST_BYTES: Final = 200_000
_OK: Final = 200
_LATE: Final = "no answer in time"
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
}


class KeysUnreachable(Exception):  # noqa: N818 - what is wrong, as in cds_service.errors
    """The document could not be had; the text says why and names no address."""


def key_document(url: str, seconds: float = SECONDS, most_bytes: int = MOST_BYTES) -> bytes:
    """The body at ``url`` (http or https); raises KeysUnreachable, at the latest after ``seconds``.

    ``most_bytes``: a longer body is refused.
    """
    download = _Download(url, seconds, most_bytes)
    # A thread, because no timeout of a socket bounds the name server or a slow drip.
    thread = threading.Thread(target=download.run, name="keys", daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        download.abort()
        raise KeysUnreachable(_LATE)
    if download.fault:
        raise KeysUnreachable(download.fault)
    return download.body


class _Download:
    """One request, run in a thread of its own and cut off by whoever waits for it."""

    def __init__(self, url: str, seconds: float, most_bytes: int) -> None:
        self._url = url
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._socket: socket.socket | None = None
        self.body = b""
        self.fault = ""

    def run(self) -> None:
        """Fill ``body`` or ``fault``; never raises."""
        connection: HTTPConnection | None = None
        try:
            connection = self._connection()
            self._ask(connection)
        except TimeoutError:
            self.fault = _LATE
        except ssl.SSLError:
            self.fault = "no trusted TLS connection"
        except (OSError, HTTPException, ValueError):
            self.fault = "cannot be reached"
        finally:
            if connection is not None:
                connection.close()

    def abort(self) -> None:
        """Cut the connection, so that the thread ends."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connection(self) -> HTTPConnection:
        parts = urlsplit(self._url)
        host, port = parts.hostname or "", parts.port
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return HTTPSConnection(host, port, timeout=self._seconds, context=context)
        return HTTPConnection(host, port, timeout=self._seconds)

    def _ask(self, connection: HTTPConnection) -> None:
        connection.connect()
        self._socket = connection.sock
        connection.request("GET", urlsplit(self._url).path or "/", headers=_HEADERS)
        with connection.getresponse() as response:
            if response.status != _OK:
                self.fault = f"answered with status {response.status}"
            elif response.headers.get("Content-Encoding", "identity") != "identity":
                self.fault = "answered in an encoding"
            else:
                body = response.read(self._most_bytes + 1)
                if len(body) > self._most_bytes:
                    self.fault = f"answered with more than {self._most_bytes} bytes"
                elif response.length:  # http.client says nothing of a body that was cut short
                    self.fault = "answered in part"
                self.body = body
