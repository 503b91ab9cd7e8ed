"""Who signs: made once, kept private, renewed, replaced by the user's own."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from facewright.core.errors import MachineError, RefusedError
from facewright.provenance import certificates, default_signer
from facewright.provenance.keys import local_ca_certificate, local_signer

ALGORITHMS = "ES256", "ES384", "ES512", "Ed25519", "PS256"


def test_local_signer_is_private_untrusted_and_kept():
    signer = local_signer()
    folder = local_ca_certificate().parent
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.name for p in folder.iterdir() if p.stat().st_mode & 0o077} == {"local-ca.crt", ".lock"}
    assert "PRIVATE" not in signer.chain
    assert "untrusted" in signer.leaf.subject.rfc4514_string()
    assert signer.leaf.not_valid_after_utc - signer.leaf.not_valid_before_utc <= timedelta(days=90)
    usages = signer.leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert certificates.C2PA_CLAIM_SIGNING in usages
    assert local_signer().chain == signer.chain


def test_a_leaf_about_to_expire_is_renewed_by_the_same_authority(monkeypatch):
    with monkeypatch.context() as short:
        short.setattr(certificates, "LEAF_DAYS", 10)
        old = local_signer().leaf
    new = local_signer().leaf
    assert new.serial_number != old.serial_number
    assert new.not_valid_after_utc > datetime.now(UTC) + timedelta(days=80)
    new.verify_directly_issued_by(x509.load_pem_x509_certificate(local_ca_certificate().read_bytes()))


@pytest.mark.parametrize("name", ["local-signer.pem", "local-ca.key"])
def test_a_key_that_others_can_read_is_refused(name):
    local_signer()
    (local_ca_certificate().parent / name).chmod(0o640)
    with pytest.raises(RefusedError) as caught:
        local_signer()
    assert caught.value.code == "key_exposed"
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_damaged_bundle_is_refused_not_replaced(content):
    local_signer()
    bundle = local_ca_certificate().parent / "local-signer.pem"
    bundle.write_bytes(content)
    with pytest.raises(RefusedError, match="damaged"):
        local_signer()
    assert bundle.read_bytes() == content


def test_a_home_that_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEWRIGHT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(MachineError, match="local signing key"):
        local_signer()


def test_processes_that_come_first_at_once_agree():
    code = "from facewright.provenance.keys import local_signer; print(local_signer().leaf.serial_number)"
    runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=os.environ) for _ in range(4)]
    serials = {run.communicate(timeout=300)[0] for run in runs}
    assert len(serials) == 1
    assert serials != {b""}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_users_own_key_of_every_kind(algorithm, user_identity, use_identity):
    use_identity(*user_identity(algorithm))
    signer = default_signer()
    assert (signer.algorithm, signer.origin) == (algorithm, "user")
    assert signer.sign(b"data")


def test_an_encrypted_key_needs_its_pass_phrase(monkeypatch, tmp_path, user_identity, use_identity):
    use_identity(*user_identity("ES256", password=b"open sesame"))
    with pytest.raises(RefusedError) as caught:
        default_signer()
    assert "FACEWRIGHT_SIGN_PASSPHRASE" in caught.value.hint
    monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE", "open sesame")
    assert default_signer().origin == "user"
    monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE", "wrong")
    with pytest.raises(RefusedError):
        default_signer()
    (tmp_path / "phrase").write_text("open sesame\n")
    (tmp_path / "phrase").chmod(0o600)
    monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE_FILE", str(tmp_path / "phrase"))
    assert default_signer().origin == "user"


def test_identities_that_cannot_be_used(monkeypatch, tmp_path, user_identity, use_identity):
    chain, key = user_identity("ES256")
    monkeypatch.setenv("FACEWRIGHT_SIGN_CERT", str(chain))
    with pytest.raises(RefusedError, match="Only FACEWRIGHT_SIGN_CERT"):
        default_signer()
    use_identity(chain, tmp_path / "absent.pem")
    with pytest.raises(RefusedError, match=r"absent\.pem"):
        default_signer()
    use_identity(tmp_path / "absent.pem", key)
    with pytest.raises(RefusedError, match=r"absent\.pem"):
        default_signer()
    use_identity(chain, key)
    key.chmod(0o644)
    with pytest.raises(RefusedError) as caught:
        default_signer()
    assert caught.value.code == "key_exposed"


def test_a_key_of_another_certificate(user_identity, use_identity):
    use_identity(user_identity("ES256")[0], user_identity("ES384")[1])
    with pytest.raises(RefusedError, match="does not belong"):
        default_signer()


def test_an_expired_certificate(user_identity, use_identity):
    use_identity(*user_identity("ES256", days=0))
    with pytest.raises(RefusedError, match="expired"):
        default_signer()
