"""Fetching a URL, only where the user asked for it: small answers, no redirects, no private addresses unless allowed.

An address inside a file (a responder named by a certificate, say) is chosen by whoever made the file. So a name is
resolved once, every address it has must be public, and the connection goes to that very address: a second look-up that
answers differently cannot lead into the user's own network.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from .errors import InputError

TIMEOUT = 20.0
LIMIT = 16 << 20


def fetch(url: str, **options: Any) -> bytes:
    """As `download`, into memory."""
    download(url, answer := io.BytesIO(), **options)
    return answer.getvalue()


def download(
    url: str,
    target: BinaryIO,
    *,
    body: bytes | None = None,
    content_type: str = "",
    private: bool = False,
    limit: int = LIMIT,
    timeout: float = TIMEOUT,
) -> None:
    """GET a URL, or POST `body` to it.

    Args:
        url: http or https.
        target: takes the answer.
        body, content_type: what to post; GET if None.
        private: addresses of the own machine and network are allowed; for URLs that the user typed.
        limit: bytes; a longer answer is an error.
        timeout: seconds to connect, and again for the whole answer.

    Raises:
        InputError: "fetch_refused" if the address may not be asked, "fetch_failed" if it does not answer with 200.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise InputError("fetch_refused", f"{url} is no address: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InputError("fetch_refused", f"{url} is not fetched: only http and https without a password.")
    try:
        address = _address(parts.hostname, port, private)
        plain = socket.create_connection((address, port), timeout)
        secure = ssl.create_default_context().wrap_socket
        connection = http.client.HTTPConnection(parts.hostname, port, timeout=timeout)
        connection.sock = secure(plain, server_hostname=parts.hostname) if parts.scheme == "https" else plain
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Content-Type": content_type} if content_type else {}
            connection.request("GET" if body is None else "POST", path, body, {"Accept": "*/*", **headers})
            response = connection.getresponse()
            if response.status != 200:
                raise InputError("fetch_failed", f"{url} answers {response.status} {response.reason}.")
            _copy(response, target, limit, timeout)
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, UnicodeError, ValueError) as error:
        raise InputError("fetch_failed", f"{url} cannot be fetched: {error}.") from error


def _copy(response: http.client.HTTPResponse, target: BinaryIO, limit: int, timeout: float) -> None:
    """The body; neither a server without an end nor one that drips can hold us."""
    size, end = 0, time.monotonic() + timeout
    while block := response.read1(1 << 20):
        size += len(block)
        if size > limit:
            raise ValueError(f"the answer is longer than {limit} bytes")
        if time.monotonic() > end:
            raise TimeoutError("it takes too long")
        target.write(block)


def _address(host: str, port: int, private: bool) -> str:
    """The first address of a host, after a look at all of them."""
    found = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    inside = [address for address in found if not _is_public(address)]
    if inside and not private:
        raise InputError("fetch_refused", f"{host} is not asked: {inside[0]} is not a public address.")
    return found[0]


def _is_public(address: str) -> bool:
    known = ipaddress.ip_address(address.split("%")[0])
    known = getattr(known, "ipv4_mapped", None) or known  # ::ffff:127.0.0.1 is the own machine
    return known.is_global and not known.is_multicast
