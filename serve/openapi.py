"""What the API says of itself: operations, answers and schemas under the names of the C2PA specification."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, Field


class Match(BaseModel):
    """One manifest."""

    manifestId: str = Field(description="Identifier of the manifest, for /manifests/{manifestId}.")
    endpoint: str | None = Field(None, description="Where to fetch it; here if absent.")
    similarityScore: int | None = Field(None, ge=0, le=100, description="In steps of 10.")


class Matches(BaseModel):
    """Manifests that match, the best first."""

    matches: list[Match]

    @classmethod
    def of(cls, found: Iterable[tuple[str, int | None]]) -> Matches:
        return cls(matches=[Match(manifestId=name, endpoint=None, similarityScore=score) for name, score in found])


class SoftBindingQuery(BaseModel):
    """A soft binding too large for a URL."""

    alg: str = Field(description="Name of the soft-binding algorithm.")
    value: str = Field(description="Base64 of the value.")


class Algorithm(BaseModel):
    """One algorithm."""

    alg: str


class AlgorithmList(BaseModel):
    """Names of algorithms that queries may use."""

    watermarks: list[Algorithm]
    fingerprints: list[Algorithm]

    @classmethod
    def of(cls, watermarks: Iterable[str]) -> AlgorithmList:
        return cls(watermarks=[Algorithm(alg=name) for name in watermarks], fingerprints=[])


def _answers(**said: str) -> dict[int | str, dict[str, Any]]:
    common = {"401": "A bearer token is needed", "429": "Too many requests", "500": "Service failure"}
    return {int(code.lstrip("_")): {"description": text} for code, text in {**said, **common}.items()}


_QUERY: dict[str, Any] = {"tags": ["query"], "response_model_exclude_none": True}
_ANY_MEDIA = {
    f"{kind}/*": {"schema": {"type": "string", "format": "binary"}} for kind in ("video", "image", "application")
}

QUERY_BY_BINDING: dict[str, Any] = {
    **_QUERY,
    "operation_id": "queryByBinding",
    "summary": "Manifests of a soft binding.",
    "responses": _answers(_400="Invalid query value", _414="Query too long, consider using POST instead"),
}
QUERY_BY_LARGE_BINDING: dict[str, Any] = {
    **_QUERY,
    "operation_id": "queryByLargeBinding",
    "summary": "Manifests of a soft binding whose value is long.",
    "responses": _answers(_400="Invalid query value"),
}
UPLOAD_FILE: dict[str, Any] = {
    **_QUERY,
    "operation_id": "uploadFile",
    "summary": "Manifests of a video.",
    "responses": _answers(
        _400="Invalid query value", _408="Too slow", _413="File too large", _415="Invalid asset type"
    ),
    "openapi_extra": {"requestBody": {"required": True, "content": _ANY_MEDIA}},
}
GET_MANIFEST: dict[str, Any] = {
    "tags": ["fetch"],
    "operation_id": "getManifestById",
    "summary": "A C2PA manifest store, or its active manifest alone.",
    "response_model": None,
    "responses": {
        200: {"description": "Successful operation", "content": {"application/c2pa": {}}},
        **_answers(_400="Invalid C2PA Manifest Id supplied", _404="C2PA Manifest Id not found"),
    },
}
SUPPORTED: dict[str, Any] = {
    "tags": ["service"],
    "operation_id": "getSupportedBindings",
    "summary": "Soft-binding algorithms that queries may use.",
    "responses": _answers(),
}


def install(app: FastAPI) -> None:
    """Take out of the generated description what the service does not do: it answers 400 where FastAPI says 422."""
    described = app.openapi()
    for path in described["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    answers = described["paths"]["/manifests/{manifestId}"]["get"]["responses"]
    answers["200"]["content"] = {"application/c2pa": {}}
    for name in ("HTTPValidationError", "ValidationError"):
        described["components"]["schemas"].pop(name, None)
    described["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    described["security"] = [{"bearer": []}, {}]
    app.openapi_schema = described
