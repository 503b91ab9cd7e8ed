"""The application: the paths of the C2PA soft-binding resolution API (C2PA 2.4, "Decoupled content credentials")."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect

from ..core.errors import FacewrightError, InputError, UsageError
from ..core.version import VERSION
from ..provenance import Store, softbinding
from ..provenance.jumbf import active_only
from . import openapi, resolution
from .limits import RateLimit, authorised
from .openapi import AlgorithmList, Matches, SoftBindingQuery

_LOG = logging.getLogger("facewright.serve")
LONGEST_VALUE = 2048  # characters of a value in a URL
UPLOAD_COST = 10  # of one upload, in plain questions

MaxResults = Annotated[int, Query(ge=1, description="How many manifest identifiers to return at most.")]
Hint = Annotated[str | None, Query(description="Algorithm or value of a soft binding that the file may carry.")]


@dataclass(frozen=True)
class Limits:
    """What the service bears.

    Attributes:
        per_minute: questions of one client; an upload counts for `UPLOAD_COST`.
        upload_bytes, upload_seconds: of one file.
        at_once: files that are looked into at the same time.
        results: most matches of an answer, whatever is asked for.
    """

    per_minute: int = 120
    upload_bytes: int = 256 * 2**20
    upload_seconds: float = 120.0
    at_once: int = 2
    results: int = 100


def create(store: Store, *, token: str | None = None, limits: Limits | None = None) -> FastAPI:
    """The application.

    Args:
        store: where manifests are looked for.
        token: that every request must carry; None lets in whoever reaches the loopback address by its own name.
        limits: what it bears.
    """
    limits = limits or Limits()
    app = FastAPI(title="C2PA Soft Binding Resolution API", version=VERSION, docs_url=None, redoc_url=None)
    rate, busy = RateLimit(limits.per_minute), asyncio.Semaphore(limits.at_once)
    if token is None:  # a page in a browser must not reach the service under a name of its own (DNS rebinding)
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["localhost", "127.0.0.1", "::1", "[::1]"])

    @app.middleware("http")
    async def admit(request: Request, serve: Callable[[Request], Awaitable[Response]]) -> Response:
        client = request.client.host if request.client else ""
        cost = UPLOAD_COST if request.url.path == "/matches/byContent" else 1
        if wait := rate.wait(client, cost):
            return _problem(429, "Too many requests.", {"Retry-After": str(math.ceil(wait))})
        if token is not None and not authorised(request.headers.get("authorization"), token):
            return _problem(401, "A bearer token is needed.", {"WWW-Authenticate": "Bearer"})
        return await serve(request)

    @app.exception_handler(RequestValidationError)
    @app.exception_handler(UsageError)
    async def wrong(_: Request, error: Exception) -> Response:
        return _problem(400, error.message if isinstance(error, UsageError) else "Invalid query.")

    @app.exception_handler(FacewrightError)
    async def failed(_: Request, error: FacewrightError) -> Response:
        if isinstance(error, InputError) and error.code != "bad_record":
            status = 413 if error.code == "too_large" else 415
            return _problem(status, f"The file cannot be used ({error.code}).")  # its message names our own paths
        _LOG.error("%s: %s", error.code, error.message)  # paths and URLs stay here
        return _problem(500, "Service failure.")

    @app.get("/matches/byBinding", **openapi.QUERY_BY_BINDING)
    def by_binding(value: str, alg: str, maxResults: MaxResults = 10) -> Matches:
        if len(value) > LONGEST_VALUE:
            return _problem(414, "Query too long, consider using POST instead.")  # type: ignore[return-value]
        return Matches.of(resolution.by_binding(store, alg, value, min(maxResults, limits.results)))

    @app.post("/matches/byBinding", **openapi.QUERY_BY_LARGE_BINDING)
    def by_large_binding(query: SoftBindingQuery, maxResults: MaxResults = 10) -> Matches:
        return Matches.of(resolution.by_binding(store, query.alg, query.value, min(maxResults, limits.results)))

    @app.post("/matches/byContent", **openapi.UPLOAD_FILE)
    async def by_content(
        request: Request,
        hintAlg: Hint = None,
        hintValue: Hint = None,
        maxResults: MaxResults = 10,
    ) -> Matches:
        if (hintAlg is None) != (hintValue is None):
            raise UsageError("usage", "hintAlg and hintValue belong together.")
        hint = (hintAlg, hintValue) if hintAlg and hintValue else None
        with tempfile.TemporaryDirectory(prefix="facewright-") as folder:
            path = Path(folder) / "upload"
            if (refused := await _receive(request, path, limits)) is not None:
                return refused  # type: ignore[return-value]
            async with busy:
                most = min(maxResults, limits.results)
                return Matches.of(await run_in_threadpool(resolution.by_content, store, path, most, hint=hint))

    @app.get("/manifests/{manifestId}", **openapi.GET_MANIFEST)
    def manifest(manifestId: str, returnActiveManifest: bool = False) -> Response:
        if not manifestId.startswith(("urn:c2pa:", "urn:uuid:", "xmp:iid:")) and ":urn:uuid:" not in manifestId:
            return _problem(400, "This is no identifier of a C2PA manifest.")
        if (entry := store.by_label(manifestId)) is None:
            return _problem(404, "There is no such manifest here.")
        content = active_only(entry.manifest) if returnActiveManifest else entry.manifest
        return Response(content, media_type="application/c2pa")

    @app.get("/services/supportedAlgorithms", **openapi.SUPPORTED)
    def supported() -> AlgorithmList:
        return AlgorithmList.of(softbinding.ALGORITHMS)

    openapi.install(app)
    return app


async def _receive(request: Request, path: Path, limits: Limits) -> Response | None:
    """Take the body into a file of our own; an answer instead if it is too large or too slow."""
    too_large = _problem(413, f"A file may have {limits.upload_bytes} bytes.")
    if int(request.headers.get("content-length") or 0) > limits.upload_bytes:
        return too_large
    size = 0
    try:
        async with asyncio.timeout(limits.upload_seconds):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                async for block in request.stream():
                    size += len(block)
                    if size > limits.upload_bytes:
                        return too_large
                    file.write(block)
    except TimeoutError:
        return _problem(408, "The upload took too long.")
    except ClientDisconnect:
        return _problem(400, "The upload ended early.")
    return None if size else _problem(415, "The file is empty.")


def _problem(status: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    content: dict[str, Any] = {"error": message}
    return JSONResponse(content, status, headers)
