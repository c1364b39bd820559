"""Which network addresses a connection to a FHIR server may end at.

The name of a listed server is resolved by whoever answers for its DNS zone. Where such a name
leads into the house (DNS rebinding), the connection is closed before anything is sent: the
address is judged when the connection stands, so nothing can change between check and use.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
Network = IPv4Network | IPv6Network
_NEVER: Final = (
    ip_network("0.0.0.0/8"),
    ip_network("169.254.0.0/16"),  # the metadata services of clouds
    ip_network("224.0.0.0/3"),
    ip_network("fe80::/10"),
    ip_network("ff00::/8"),
)
_NAT64: Final = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Reach:
    """``networks``: those that are not public and in which listed FHIR servers may lie."""

    networks: frozenset[Network] = frozenset()

    def allows(self, host: str, peer: str) -> bool:
        """Whether a connection made for ``host`` may end at the address ``peer``.

        A base that names an address, or this machine, says itself where it lies.
        """
        address = _plain(ip_address(peer.partition("%")[0]))
        if host in LOOPBACK_NAMES:
            return address.is_loopback
        if _is_address(host):
            return address == _plain(ip_address(host))
        if any(address in network for network in _NEVER if network.version == address.version):
            return False
        return address.is_global or any(
            address in network for network in self.networks if network.version == address.version
        )


def networks(text: str) -> frozenset[Network]:
    """The networks of a comma separated list; raises ValueError in words for the setting's user."""
    found = set()
    for item in filter(None, map(str.strip, text.split(","))):
        try:
            network = ip_network(item)
        except ValueError:
            raise ValueError("must list networks such as 10.20.0.0/16") from None
        if any(network.version == bad.version and network.overlaps(bad) for bad in _NEVER):
            raise ValueError("must not list link-local, multicast or unspecified networks")
        found.add(network)
    return frozenset(found)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address only wraps."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
