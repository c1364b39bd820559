"""A FHIR server that fails on purpose: whatever bytes a fault sends, at whatever pace.

It holds one child's record. Every request is answered as a FHIR server would, except those of one
resource type, which are left to the fault. A fault writes to the bare socket, so that nothing
between it and the client repairs what it does.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cds_service.sample_patients.search import searchset

Json = dict[str, Any]
PATH = "/fhir"


@dataclass
class Asked:
    """One request that arrived, and the socket on which it is answered."""

    connection: socket.socket = field(repr=False)
    target: str
    headers: dict[str, str]
    stop: threading.Event
    server: FaultServer = field(repr=False)

    @property
    def resource_type(self) -> str:
        """``Condition`` of ``/fhir/Condition?patient=...``."""
        return urlsplit(self.target).path.removeprefix(f"{PATH}/").partition("/")[0]

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.connection.sendall(data)

    def answer(
        self,
        body: Any = b"",
        status: int = 200,
        kind: str = "application/fhir+json",
        **headers: str,
    ) -> None:
        """A whole answer with its length; what is not bytes is written as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(content)}"]
        lines += [f"Content-Type: {kind}"] if kind else []
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1") + content)

    def wait(self, seconds: float) -> bool:
        """Wait so long; True as soon as the test is over."""
        return self.stop.wait(seconds)

    def drip(self, data: bytes, pause: float = 0.02) -> None:
        """Write a byte at a time, until the test is over or the client hangs up."""
        while True:
            for byte in data:
                self.send(bytes([byte]))
                if self.wait(pause):
                    return

    def hang_up(self) -> None:
        """Close the connection in good order, in the middle of whatever was being said."""
        self.connection.shutdown(socket.SHUT_RDWR)
        self.connection.close()

    def reset(self) -> None:
        """Close the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Fault = Callable[[Asked], None]
"""Answers one request in its own way."""


@dataclass
class FaultServer:
    """The running server: its address, what it holds, and what was asked of it."""

    port: int
    record: list[Json]
    faulty: str = ""
    """The resource type whose requests the fault answers; empty: none."""
    fault: Fault | None = None
    asked: list[Asked] = field(default_factory=list)
    opened: int = 0
    """Connections."""
    tls: ssl.SSLContext | None = None
    """The certificate that it shows; none: plain HTTP."""

    @property
    def base(self) -> str:
        """The base URL."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}{PATH}"

    def held(self, resource_type: str) -> list[Json]:
        """The resources of one type."""
        return [item for item in self.record if item["resourceType"] == resource_type]

    def found(self, asked: Asked) -> Json | None:
        """The right answer to a read or search; None where there is nothing."""
        name = asked.resource_type
        parts = urlsplit(asked.target)
        _, _, read = parts.path.removeprefix(f"{PATH}/").partition("/")
        if read:
            return next((item for item in self.held(name) if item["id"] == read), None)
        return searchset(self.base, name, self.held(name), parse_qsl(parts.query))

    def right(self, asked: Asked) -> None:
        """Answer as a FHIR server should."""
        found = self.found(asked)
        outcome = {"resourceType": "OperationOutcome", "issue": []}
        asked.answer(found or outcome, 200 if found else 404)


@contextmanager
def fault_server(record: list[Json], tls: ssl.SSLContext | None = None) -> Iterator[FaultServer]:
    """A server on a free port of this machine, until the block ends."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        listening.settimeout(0.05)
        server = FaultServer(listening.getsockname()[1], record, tls=tls)
        threads = [threading.Thread(target=_accept, args=(listening, server, stop))]
        threads[0].start()
        yield server
        stop.set()
        threads[0].join()


def _accept(listening: socket.socket, server: FaultServer, stop: threading.Event) -> None:
    serving: list[threading.Thread] = []
    while not stop.is_set():
        with suppress(TimeoutError):
            connection, _ = listening.accept()
            server.opened += 1
            thread = threading.Thread(target=_serve, args=(connection, server, stop))
            thread.start()
            serving.append(thread)
    for thread in serving:
        thread.join()


def _serve(connection: socket.socket, server: FaultServer, stop: threading.Event) -> None:
    """The requests of one connection; whoever hangs up ends it."""
    if server.tls is not None:
        connection.settimeout(5)
        try:
            connection = server.tls.wrap_socket(connection, server_side=True)
        except OSError:  # the client did not like the certificate
            connection.close()
            return
    with connection, suppress(OSError):
        while (asked := _request(connection, server, stop)) is not None:
            server.asked.append(asked)
            if server.fault is not None and asked.resource_type == server.faulty:
                server.fault(asked)
                if connection.fileno() == -1:
                    return
            else:
                server.right(asked)


def _request(connection: socket.socket, server: FaultServer, stop: threading.Event) -> Asked | None:
    connection.settimeout(0.05)
    received = b""
    while b"\r\n\r\n" not in received:
        if stop.is_set():
            return None
        with suppress(TimeoutError):
            part = connection.recv(65_536)
            if not part:
                return None
            received += part
    connection.settimeout(5)
    first, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    return Asked(connection, first.split(" ")[1], headers, stop, server)
