"""The PKCS#11 example of the documentation, run against SoftHSM: a video is sealed with a key that never leaves it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from facewright.core.errors import RefusedError
from facewright.provenance import certificates, default_signer, verify

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "pkcs11.md"
MODULES = "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/local/lib/softhsm/libsofthsm2.so"
LABEL, PIN = "facewright test", "567890"


@pytest.fixture
def token(tmp_path, monkeypatch) -> Path:
    """A new SoftHSM token, named by the variables of the example; the module that speaks for it."""
    pytest.importorskip("pkcs11", reason="python-pkcs11 is not installed")
    module = next((Path(name) for name in MODULES if Path(name).exists()), None)
    if module is None:
        pytest.skip("no SoftHSM: install the package softhsm2")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    (tmp_path / "pin").write_text(PIN)
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "123456", "--pin", PIN]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    names = {"MODULE": module, "TOKEN": LABEL, "KEY": "signer", "PIN_FILE": tmp_path / "pin"}
    for name, value in {**names, "CHAIN": tmp_path / "chain.pem"}.items():
        monkeypatch.setenv(f"PKCS11_{name}", str(value))
    return module


@pytest.fixture
def signer(token, tmp_path, monkeypatch) -> None:
    """A key made in the token, a certificate for it, and the code of the page as an installed package."""
    import pkcs11
    from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

    with pkcs11.lib(str(token)).get_token(token_label=LABEL).open(user_pin=PIN, rw=True) as session:
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
        domain = session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        public, private = domain.generate_keypair(store=True, label="signer")
        assert private[pkcs11.Attribute.EXTRACTABLE] is False
        known = serialization.load_der_public_key(encode_ec_public_key(public))
    (tmp_path / "authority").mkdir()
    ca, ca_key = certificates._authority(tmp_path / "authority")
    leaf = certificates._leaf("Key in an HSM", ca, ca_key, known, 30)
    pem = serialization.Encoding.PEM
    (tmp_path / "chain.pem").write_bytes(leaf.public_bytes(pem) + ca.public_bytes(pem))
    site = tmp_path / "site"
    (site / "ours-1.dist-info").mkdir(parents=True)
    (code,) = re.findall(r"^```python\n(import os\n.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    (entry,) = re.findall(r"^(\[project.entry-points.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    points = entry.replace('[project.entry-points."facewright.signers"]', "[facewright.signers]").replace('"', "")
    (site / "our_signers.py").write_text(code)
    (site / "ours-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1\n")
    (site / "ours-1.dist-info" / "entry_points.txt").write_text(points)
    monkeypatch.setenv("FACEWRIGHT_SIGNER", "hsm")
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


SEAL = """
import sys
import cv2
import numpy as np
from facewright.provenance import Draft, seal
still = cv2.resize(cv2.cvtColor(cv2.imread(sys.argv[1]), cv2.COLOR_BGR2RGB), (256, 256))
draft = Draft("still", "1", {}, 0, {})
seal(iter([still[None].repeat(25, 0)] * 2), sys.argv[2], draft=draft, fps=25, width=256, height=256)
"""


def test_a_video_sealed_with_a_key_in_a_token(signer, portrait_path, tmp_path):
    """In a process of its own: a PKCS#11 library keeps its configuration for the life of the process."""
    command = [sys.executable, "-c", SEAL, str(portrait_path), str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = verify(tmp_path / "out.mp4", trust=tmp_path / "authority" / "local-ca.crt")
    assert (found.state, found.manifest["signer"]) == ("trusted", "Key in an HSM")
    chain = x509.load_pem_x509_certificates((tmp_path / "chain.pem").read_bytes())
    assert len(chain) == 2


def test_a_token_that_is_away_writes_no_video(signer, portrait_path, tmp_path, monkeypatch):
    monkeypatch.setenv("PKCS11_TOKEN", "another")
    command = [sys.executable, "-c", SEAL, str(portrait_path), str(tmp_path / "out.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "RefusedError" in done.stderr
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.setenv("FACEWRIGHT_SIGNER", "absent")
    with pytest.raises(RefusedError, match="absent"):
        default_signer()
