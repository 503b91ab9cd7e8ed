"""What one client may ask of the service: how often, how much, and with which token."""

from __future__ import annotations

import hmac
import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

CLIENTS = 10_000  # that are remembered; the one unseen for longest is forgotten first


class RateLimit:
    """A bucket of tokens for each client, refilled evenly (Turner, "New directions in communications", 1986).

    Args:
        per_minute: tokens that flow in, and that the full bucket holds.
        clock: seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size, self._clock = per_minute, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Take `cost` tokens, if they are there.

        Returns:
            0, or after how many seconds they would be.
        """
        now, name = self._clock(), _network(client)
        level, then = self._buckets.pop(name, (self._size, now))
        level = min(self._size, level + (now - then) * self._size / 60)
        cost = min(cost, self._size)
        self._buckets[name] = (level - cost if level >= cost else level, now)
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        return 0.0 if level >= cost else (cost - level) * 60 / self._size


def authorised(header: str | None, token: str) -> bool:
    """Whether an `Authorization` header carries the token (RFC 6750)."""
    kind, _, given = (header or "").partition(" ")
    return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def is_loopback(host: str) -> bool:
    """Whether an address to listen at can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _network(client: str) -> str:
    """Who a client is: an IPv4 address, or the /64 that one holder of IPv6 addresses has."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
