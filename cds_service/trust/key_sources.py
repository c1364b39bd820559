"""Where the key of a token comes from: the trust file itself, or the one ``jku`` it names.

Fetched keys are kept: for ``SOFT`` seconds without asking, then with a refresh in the background,
and for ``HARD`` seconds while no refresh succeeds. A ``kid`` that is not there brings one refresh
(keys rotate), then it is unknown for a while; no client is asked more often than every ``PAUSE``
seconds, whatever arrives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from cds_service.errors import TrustUnavailable
from cds_service.trust.clients import TrustedClient
from cds_service.trust.key_document import KeysUnreachable, key_document
from cds_service.trust.signing_keys import SigningKey, signing_keys

SOFT: Final = 600.0
HARD: Final = 86_400.0
PAUSE: Final = 30.0
UNKNOWN: Final = 300.0
"""Seconds that a kid which was not in a fresh key set stays unknown without being asked for."""
MOST_KEYS: Final = 100
MOST_UNKNOWN: Final = 1_000


class KeySource(Protocol):
    """Finds keys by their id."""

    def key(self, kid: str) -> SigningKey | None:
        """The key, or None where the client has none of this id; raises TrustUnavailable."""


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """The keys that stand in the trust file."""

    keys: Mapping[str, SigningKey] = field(repr=False)

    def key(self, kid: str) -> SigningKey | None:
        """The key of this id."""
        return self.keys.get(kid)


class FetchedKeys:
    """The keys at one address, kept in this process; safe in threads."""

    def __init__(
        self,
        jku: str,
        denied: frozenset[str] = frozenset(),
        fetch: Callable[[str], bytes] = key_document,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``denied``: thumbprints never accepted; ``clock``: seconds that only grow."""
        self._jku = jku
        self._denied = denied
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._unknown: dict[str, float] = {}
        self._lock = threading.Lock()

    def key(self, kid: str) -> SigningKey | None:
        """The key of this id; raises TrustUnavailable where no key was ever had, or too long ago.

        Waits for a fetch only where nothing that is kept answers.
        """
        now = self._clock()
        age = now - self._fetched_at
        kept = self._keys.get(kid) if age < HARD else None
        if kept is not None:
            if age >= SOFT and now - self._tried_at >= PAUSE:
                self._refresh_meanwhile()
            return kept
        if age < HARD and now < self._unknown.get(kid, 0.0):
            return None
        with self._lock:
            self._refresh()
            now = self._clock()
            if now - self._fetched_at >= HARD:
                raise TrustUnavailable
            if kid not in self._keys:
                self._remember_unknown(kid, now)
            return self._keys.get(kid)

    def _refresh_meanwhile(self) -> None:
        if self._lock.acquire(blocking=False):
            try:
                threading.Thread(target=self._refresh_and_release, daemon=True).start()
            except RuntimeError:  # no thread to be had now: the next call tries again
                self._lock.release()

    def _refresh_and_release(self) -> None:
        try:
            self._refresh()
        finally:
            self._lock.release()

    def _refresh(self) -> None:
        """Ask once, unless that was done a moment ago; on a failure keep what there is."""
        if self._clock() - self._tried_at < PAUSE:
            return
        self._tried_at = self._clock()
        try:
            jwks = msgspec.json.decode(self._fetch(self._jku), type=dict[str, msgspec.Raw])
            keys = msgspec.json.decode(jwks.get("keys", b"[]"), type=list[dict[str, object]])
        except (KeysUnreachable, msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return
        found = signing_keys(keys[:MOST_KEYS], self._denied)
        if found:
            self._keys = found
            self._fetched_at = self._clock()

    def _remember_unknown(self, kid: str, now: float) -> None:
        if len(self._unknown) >= MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown[kid] = now + UNKNOWN


def key_source(client: TrustedClient, denied: frozenset[str]) -> KeySource:
    """Where the keys of ``client`` come from; ``denied``: thumbprints never accepted."""
    return FetchedKeys(client.jku, denied) if client.jku else ListedKeys(client.keys)
