"""The C2PA conformance program's own rubric over a sealed file.

Its checks are json-formula expressions, which one npm package evaluates. To run it:

    npm install @adobe/json-formula
    JSON_FORMULA=node_modules/@adobe/json-formula pytest -m shared tests/provenance/test_rubric.py
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import c2pa
import pytest
from facewright.provenance.stamping import stamp

from .authorities import Authority, time_authority

RUBRIC = "asset-rubric-conformance0.2-spec2.4.yml"
INVERTED = {"validation:all_actions_included_opened"}  # true only where it is violated, yet not marked failIfMatched
EVALUATE = """
import { readFileSync } from "node:fs";
const { default: JsonFormula } = await import(process.argv[2]);
const { variables, expressions, checks, document } = JSON.parse(readFileSync(0, "utf8"));
const globals = { ...variables, $expected_spec_version: "2.4" };
const named = {};
const evaluate = (text, more) => new JsonFormula(named).search(text, document, { ...globals, ...more });
const any = [{ types: [1], variadic: true, optional: true }];
for (const [name, text] of Object.entries(expressions))
  named[name] = { _signature: any, _func: (args) => evaluate(text, { $args: args }) };
console.log(JSON.stringify(Object.fromEntries(checks.map((check) => [check.id, evaluate(check.expression)]))));
"""


@pytest.mark.shared
@pytest.mark.parametrize("stamped", [False, True])
def test_the_conformance_rubric(sealed, shared_data, tmp_path, stamped):
    yaml = pytest.importorskip("yaml")
    package = Path(os.environ.get("JSON_FORMULA", "node_modules/@adobe/json-formula")).resolve()
    if not shutil.which("node") or not package.is_dir():
        pytest.skip("no node, or no @adobe/json-formula (set JSON_FORMULA)")
    rubric, checks = yaml.safe_load_all((shared_data.parent / "c2pa" / RUBRIC).read_text())
    path = sealed.path
    if stamped:
        if not shutil.which("openssl"):
            pytest.skip("no openssl to play the time-stamp authority")
        with time_authority(Authority(tmp_path / "authority")) as url:
            path = tmp_path / "stamped.mp4"
            stamp(sealed.path, path, url=url)
    with c2pa.Reader(str(path)) as reader:
        document = json.loads(reader.crjson())
    (tmp_path / "evaluate.mjs").write_text(EVALUATE)
    question = {key: rubric[key] for key in ("variables", "expressions")} | {"checks": checks, "document": document}
    command = ["node", str(tmp_path / "evaluate.mjs"), str(package / "src" / "json-formula.js")]
    answer = subprocess.run(
        command, input=json.dumps(question), capture_output=True, text=True, check=True, timeout=300
    )
    found = json.loads(answer.stdout)
    assert len(found) > 25
    for check in checks:
        unwanted = check.get("failIfMatched") or check.get("warnIfMatched") or check["id"] in INVERTED
        assert (not found[check["id"]]) if unwanted else (found[check["id"]] is True), (check["id"], found[check["id"]])
