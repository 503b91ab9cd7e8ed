"""Serving the application: where to listen, who is let in."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from ..core.errors import AssetError, InputError, MachineError, UsageError
from ..provenance import Store
from ..provenance.keyfile import refuse_exposed
from .limits import is_loopback

SHORTEST_TOKEN = 16


def read_token(path: Path) -> str:
    """The token in a file that only its owner can read.

    Raises:
        InputError: "bad_key" if it is shorter than 16 characters or no plain text.
        RefusedError: "key_exposed" if others can read it.
    """
    refuse_exposed(path)
    token = path.read_bytes().strip()
    if len(token) < SHORTEST_TOKEN or not token.isascii() or len(token.split()) != 1:
        message = f"The token in {path} must have {SHORTEST_TOKEN} characters or more, without spaces."
        raise InputError("bad_key", message, f"Make one: openssl rand -hex 32 > {path}; chmod 600 {path}")
    return token.decode()


def run(
    store: Store,
    host: str,
    port: int,
    *,
    token: str | None,
    per_minute: int,
    upload_bytes: int,
    ready: Callable[[str], None],
) -> None:
    """Serve until interrupted.

    Args:
        host, port: where to listen; port 0 takes a free one.
        ready: is told the address once connections are accepted.

    Raises:
        UsageError: "token_missing" if the address can be reached from elsewhere and there is no token.
        AssetError: "serve_missing" if the extra `serve` is not installed.
        MachineError: "busy" if the address cannot be had.
    """
    if token is None and not is_loopback(host):
        hint = "Give --token-file, or listen at 127.0.0.1."
        raise UsageError("token_missing", f"{host} can be reached by others, so a token is needed.", hint)
    try:
        import uvicorn

        from .app import Limits, create
    except ModuleNotFoundError as error:
        hint = "Install it: pip install 'facewright[serve]'"
        raise AssetError("serve_missing", f"The package {error.name} is not installed.", hint) from error
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        raise MachineError("busy", f"Cannot listen at {host}, port {port}: {error.strerror or error}.") from error
    limits = Limits(per_minute=per_minute, upload_bytes=upload_bytes)
    app = create(store, token=token, limits=limits)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, limit_concurrency=64, timeout_keep_alive=5
    )
    with listening:
        ready(f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}")
        uvicorn.Server(config).run(sockets=[listening])
