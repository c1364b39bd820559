"""A FHIR server that takes its time: every answer comes so many milliseconds after the request.

``python -m bench.distant_ehr PORT MILLISECONDS SIZE`` answers the searches about the children of
the bench's bodies of that size, over connections that are kept. Nothing is computed per request
but the wait.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from bench.bodies import SIZES, bodies, searched
from fhir_mappings.queries import PATIENT, QUERIES

_OTHER: Final = msgspec.json.encode({"resourceType": "Bundle", "type": "searchset", "total": 0})
_END: Final = b"\r\n\r\n"


class Conversation(asyncio.Protocol):
    """One kept connection; requests without a body, one after the other."""

    def __init__(self, answers: Mapping[str, bytes], delay: float) -> None:
        """``answers``: address without parameters that do not matter -> body; ``delay`` in s."""
        self._answers = answers
        self._delay = delay
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101 - what TCP servers get
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete, each after the delay."""
        self._received += data
        while _END in self._received:
            request, _, self._received = self._received.partition(_END)
            target = request.split(b" ", 2)[1].decode("ascii", "replace")
            asyncio.get_running_loop().call_later(self._delay, self._answer, target)

    def _answer(self, target: str) -> None:
        body = self._answers.get(asked(target), _OTHER)
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}"
        )
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(head.encode() + _END + body)


def asked(target: str) -> str:
    """Address and patient of a request target: what an answer depends on here.

    The searches of one type differ by ``category``; the order of parameters does not matter.
    """
    parts = urlsplit(target)
    values = dict(parse_qsl(parts.query))
    patient = values.get("patient", values.get("subject", "")).rpartition("/")[2]
    return f"{unquote(parts.path)} {patient} {values.get('category', '')}"


def prepared(size_name: str) -> dict[str, bytes]:
    """Every answer by what it is asked with."""
    (size,) = (size for size in SIZES if size.name == size_name)
    found: dict[str, bytes] = {"/health  ": b"{}"}
    for body in bodies(size):
        for query in QUERIES:
            target = f"/fhir/{query.template.replace(PATIENT, body.patient_id)}"
            answer = searched(body.resources, query, body.patient_id)
            found[asked(target)] = msgspec.json.encode(answer)
    return found


async def serve(port: int, delay: float, answers: Mapping[str, bytes]) -> None:
    """Answer on the loopback address until cancelled."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(answers, delay), "127.0.0.1", port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]) / 1000, prepared(sys.argv[3])))
