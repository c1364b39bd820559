"""Connections to FHIR servers: where they end is checked, and each can be ended at the deadline.

A socket's own timeout begins anew with every byte, so a server that drips holds a thread for as
long as it likes. Here the thread that waits for the answers ends the connection instead: the
blocked read returns at once.
"""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar
from threading import Lock
from typing import Any, Final

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from cds_service.fhir_server.reach import Reach


class AddressRefusedError(Exception):
    """The name of the server leads to an address that may not be reached."""


class Line:
    """The one connection that a conversation uses at a time, so that another thread can end it."""

    def __init__(self, reach: Reach) -> None:
        """Nothing is open yet; ``reach`` says where a connection may end."""
        self._reach = reach
        self._lock = Lock()
        self._held: socket.socket | None = None
        self._ended = False

    def check(self, host: str, opened: socket.socket) -> None:
        """Raise AddressRefusedError where a new connection ends at an address not allowed."""
        if not self._reach.allows(host.lower(), opened.getpeername()[0]):
            raise AddressRefusedError

    def hold(self, used: socket.socket) -> None:
        """Remember the connection; raises TimeoutError where the conversation was ended."""
        # A descriptor of its own: a closed one could by then be another conversation's connection.
        mine = socket.socket(fileno=os.dup(used.fileno()))
        with self._lock:
            if self._held is not None:
                self._held.close()
            self._held = mine
            if not self._ended:
                return
        self.end()
        raise TimeoutError

    def let_go(self) -> None:
        """The conversation is over; its connection may serve another one."""
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None

    def end(self) -> None:
        """End the connection, now or as soon as there is one."""
        with self._lock:
            self._ended = True
            if self._held is not None:
                with suppress(OSError):
                    self._held.shutdown(socket.SHUT_RDWR)


LINE: Final[ContextVar[Line]] = ContextVar("LINE")
"""Of the conversation of this thread."""


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        opened = super()._new_conn()
        try:
            LINE.get().check(self.host, opened)
            LINE.get().hold(opened)
        except BaseException:
            opened.close()
            raise
        return opened

    def request(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        if self.sock is not None:
            LINE.get().hold(self.sock)
        super().request(*arguments, **named)


class _SecureConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class Adapter(HTTPAdapter):
    """Sends requests over such connections; used without a Session, which would add to them.

    No cookies, no .netrc, no proxies and no redirects: a Session reads the whole body of a
    redirect even where it does not follow it.
    """

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - passed on
        """Pools of checked connections.

        Trusted are the authorities of the system, where a site keeps its own, and those of certifi.
        """
        named["ssl_context"] = ssl.create_default_context()
        super().init_poolmanager(*arguments, **named)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
