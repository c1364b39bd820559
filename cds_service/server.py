"""The server: granian, one process per worker, many threads in each (why: docs/adr).

The same for ``make run``, ``make serve`` and the image; only settings differ. Connections, headers
and waiting clients are granian's, outside of Python. A body is read by the thread that answers, so
there are more threads than slow clients: an idle one costs nothing.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

from flask import Flask
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.decision_log import write_to_stderr

THREADS: Final = 512
"""Of one worker; each may be held by a client that sends its body slowly."""
CONNECTIONS: Final = 4_096
"""Of one worker, idle ones too; more wait until one ends."""
KEPT_MS: Final = 65_000
"""In which the headers of a request must arrive, on a kept connection too: longer than the minute
after which a proxy such as nginx lets go of one, or calls would be lost."""
STOP_SECONDS: Final = 30
"""In which requests in work are finished when the service is stopped."""
_M_ARENA_MAX: Final = -8
"""Of malloc.h."""
_HEAPS: Final = 2
_POLL_SECONDS: Final = 0.02
_AGAIN_SECONDS: Final = 0.5
_STACK_BYTES: Final = 8 << 20
"""Of a thread, as Python itself would give it; Rust's two megabytes are too few for deep JSON."""


class _Server(MPServer):
    """granian that says when it can be reached; its own hook is called before there are workers."""

    ready: Callable[[], None]

    def startup(self, spawn_target: Any, target_loader: Any) -> None:  # noqa: ANN401 - untyped there
        super().startup(spawn_target, target_loader)  # type: ignore[no-untyped-call] # in granian
        # Only now: a thread that runs while workers are forked may hold a lock they need.
        threading.Thread(target=self._tell, name="tell-when-ready", daemon=True).start()

    def _tell(self) -> None:
        while not self.interrupt_signal:
            with suppress(OSError), socket.create_connection((self.bind_addr, self.bind_port)):
                self.ready()
                return
            time.sleep(_POLL_SECONDS)

    def _stop_workers(self) -> None:
        # A worker with calls in work misses one signal in a hundred, and would then be killed.
        threading.Thread(
            target=self._stop_again, args=(tuple(self.wrks),), name="stop-again", daemon=True
        ).start()
        super()._stop_workers()  # type: ignore[no-untyped-call] # in granian

    @staticmethod
    def _stop_again(workers: Iterable[Any]) -> None:
        while True:
            time.sleep(_AGAIN_SECONDS)
            for worker in workers:
                worker.terminate()


def serve(config: Config, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; requests in work are finished first.

    ``ready`` is called when the first worker can be reached. A worker that dies is replaced; raises
    SystemExit with a status other than 0 if one dies again and again. There is no access log:
    addresses hold patient ids.
    """
    os.environ.setdefault("RUST_MIN_STACK", str(_STACK_BYTES))
    _allow_connections()
    server = _Server(
        "cds_service",
        address=address(config.host),
        port=config.port,
        interface=Interfaces.WSGI,
        workers=config.workers,
        blocking_threads=THREADS,
        backlog=CONNECTIONS,
        backpressure=CONNECTIONS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=KEPT_MS),
        websockets=False,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.ready = ready
    # What was built to check the settings need not be walked by the collector in every worker.
    gc.collect()
    gc.freeze()
    server.serve(target_loader=application)


def is_free(config: Config) -> bool:
    """Whether nobody listens on the address: granian would share it with whoever does."""
    try:
        kind = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(kind[0], kind[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(kind[4])
    except OSError:
        return False
    return True


def application(_name: str = "") -> Flask:
    """The application of one worker, made after the fork: no connection is shared.

    What was built at start lives as long as the process, so the collector need not walk it for
    every request (p99 of a bare Flask: 13.1 ms to 2.5 ms).
    """
    _share_memory()
    write_to_stderr()
    app = create_app(Config.from_environment(os.environ))
    _end_with_parent()
    gc.collect()
    gc.freeze()
    return app


def _allow_connections() -> None:
    """Let a worker hold its connections, as far as the system lets it."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def address(host: str) -> str:
    """The numeric address of a host: granian takes no names."""
    return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


def _share_memory() -> None:
    """Keep glibc from giving each thread a heap of its own, where freed bodies would stay.

    Eight large charts at once: 160 MB instead of 172 MB, at the same speed. Another libc has no
    such heaps.
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def _end_with_parent() -> None:
    """Stop, in order, if the first process is killed: nobody could stop this one any more."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def wait() -> None:
        parent.join()
        logging.getLogger("_granian").error("The first process has gone: this worker stops")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="end-with-parent", daemon=True).start()
