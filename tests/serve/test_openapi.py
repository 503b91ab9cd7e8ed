"""The running service describes itself as the C2PA specification has it (2.4, soft binding resolution API)."""

from __future__ import annotations

import pytest

QUERY, PATH = "query", "path"
RESULTS = ("maxResults", QUERY, False, {"type": "integer", "minimum": 1, "default": 10})

# (path, method): operation id, parameters (name, place, required, schema), statuses, type of the answer, its schema
EXPECTED = {
    ("/matches/byBinding", "get"): (
        "queryByBinding",
        [("value", QUERY, True, {"type": "string"}), ("alg", QUERY, True, {"type": "string"}), RESULTS],
        {"200", "400", "414", "500"},
        "application/json",
        "matches",
    ),
    ("/matches/byBinding", "post"): (
        "queryByLargeBinding",
        [RESULTS],
        {"200", "400", "500"},
        "application/json",
        "matches",
    ),
    ("/matches/byContent", "post"): (
        "uploadFile",
        [("hintAlg", QUERY, False, {"type": "string"}), ("hintValue", QUERY, False, {"type": "string"}), RESULTS],
        {"200", "415", "500"},
        "application/json",
        "matches",
    ),
    ("/manifests/{manifestId}", "get"): (
        "getManifestById",
        [
            ("returnActiveManifest", QUERY, False, {"type": "boolean", "default": False}),
            ("manifestId", PATH, True, {"type": "string"}),
        ],
        {"200", "400", "404", "500"},
        "application/c2pa",
        None,
    ),
    ("/services/supportedAlgorithms", "get"): (
        "getSupportedBindings",
        [],
        {"200", "500"},
        "application/json",
        "algorithms",
    ),
}
SCHEMAS = {
    "matches": {
        "matches": {"manifestId": {"type": "string"}, "endpoint": {"type": "string"}, "similarityScore": {
            "type": "integer", "minimum": 0, "maximum": 100}},
    },
    "algorithms": {"watermarks": {"alg": {"type": "string"}}, "fingerprints": {"alg": {"type": "string"}}},
}  # fmt: skip


@pytest.fixture(scope="module")
def described(ask) -> dict:
    return ask("/openapi.json").json


def plain(schema: dict, described: dict) -> dict:
    """A schema without references, titles and the null that an optional field may be."""
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].split("/")[-1]]
    if "anyOf" in schema:
        schema = next(each for each in schema["anyOf"] if each.get("type") != "null")
    return {name: value for name, value in schema.items() if name not in ("title", "description")}


@pytest.mark.parametrize(("path", "method"), EXPECTED)
def test_an_operation(described, path, method):
    name, parameters, statuses, kind, schema = EXPECTED[path, method]
    operation = described["paths"][path][method]
    assert operation["operationId"] == name
    found = [
        (each["name"], each["in"], each.get("required", False), plain(each["schema"], described))
        for each in operation["parameters"] if "parameters" in operation
    ] if parameters else operation.get("parameters", [])  # fmt: skip
    assert sorted(found, key=str) == sorted(parameters, key=str)
    assert statuses <= set(operation["responses"])
    assert set(operation["responses"]) - statuses <= {"400", "401", "408", "413", "429"}
    content = operation["responses"]["200"]["content"]
    assert set(content) == {kind}
    if schema:
        answer = plain(content[kind]["schema"], described)
        for listed, fields in SCHEMAS[schema].items():
            items = plain(answer["properties"][listed]["items"], described)
            assert {field: plain(each, described) for field, each in items["properties"].items()} == fields
            assert items["required"] == [next(iter(fields))]


def test_bodies(described):
    query = described["paths"]["/matches/byBinding"]["post"]["requestBody"]
    assert query["required"] is True
    document = plain(query["content"]["application/json"]["schema"], described)
    assert set(document["required"]) == {"alg", "value"}
    upload = described["paths"]["/matches/byContent"]["post"]["requestBody"]
    assert {"video/*", "image/*", "application/*"} == set(upload["content"])
    assert all(each["schema"] == {"type": "string", "format": "binary"} for each in upload["content"].values())


def test_nothing_else_is_served(described, ask):
    assert set(described["paths"]) == {path for path, _ in EXPECTED}
    assert described["info"]["title"] == "C2PA Soft Binding Resolution API"
    for path in ("/docs", "/redoc", "/", "/metrics"):
        assert ask(path).status == 404
