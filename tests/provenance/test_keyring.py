"""Keys from their making to their end: encrypted, rotated, requested, imported, called from elsewhere."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from facewright.core.errors import FacewrightError, RefusedError, UsageError
from facewright.core.paths import home
from facewright.provenance import certificates, default_signer, keyfile, keyring, read_mark, verify
from facewright.provenance.keys import Signer, local_ca_certificate, local_signer
from facewright.provenance.watermark import PUBLIC_KEY, VideoMarker, key, resolve_key

PEM = serialization.Encoding.PEM


def folder() -> Path:
    return home() / "keys"


@pytest.fixture
def phrase(monkeypatch):
    monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE", "open sesame")


def test_new_keys_are_encrypted_with_a_pass_phrase(phrase, monkeypatch):
    signer = keyring.new()
    for name in ("local-ca.key", "local-signer.pem"):
        text = (folder() / name).read_text()
        assert "ENCRYPTED PRIVATE KEY" in text
        assert "BEGIN PRIVATE KEY" not in text
    assert default_signer().chain == signer.chain
    for said in ("", "wrong"):
        monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE", said)
        with pytest.raises(RefusedError) as caught:
            default_signer()
        assert "FACEWRIGHT_SIGN_PASSPHRASE" in caught.value.hint


def test_plain_keys_are_still_used_when_a_pass_phrase_is_set(monkeypatch):
    chain = keyring.new().chain
    monkeypatch.setenv("FACEWRIGHT_SIGN_PASSPHRASE", "open sesame")
    assert default_signer().chain == chain


def test_new_does_not_replace():
    keyring.new()
    with pytest.raises(UsageError) as caught:
        keyring.new()
    assert caught.value.code == "key_exists"


def test_rotation_keeps_the_authority_and_the_old_certificate(sealed):
    old = default_signer().leaf
    new = keyring.rotate().leaf
    assert new.serial_number != old.serial_number
    assert certificates.public_bytes(new.public_key()) != certificates.public_bytes(old.public_key())
    (retired,) = keyring.listing()["retired"]
    assert retired["serial"] == f"{old.serial_number:x}"
    assert all("PRIVATE" not in path.read_text() for path in (folder() / "retired").iterdir())
    assert verify(sealed.path, trust=local_ca_certificate()).state == "trusted"  # what the old key signed


def test_a_leaf_of_an_earlier_version_that_lasts_a_year_is_replaced(monkeypatch):
    with monkeypatch.context() as year:
        year.setattr(certificates, "LEAF_DAYS", 366)
        old = local_signer().leaf
    new = local_signer().leaf
    assert new.serial_number != old.serial_number
    assert new.not_valid_after_utc - new.not_valid_before_utc <= timedelta(days=90)


def test_another_identity_is_not_rotated_here(user_identity, use_identity):
    use_identity(*user_identity("ES256"))
    with pytest.raises(UsageError, match="authority"):
        keyring.rotate()


class Authority:
    """An outside authority with an intermediate, that answers requests."""

    def __init__(self, folder: Path) -> None:
        self.ca, self.key = certificates._authority(folder)

    def answer(self, request: bytes, path: Path, *, days: float = 60, usage: bool = True) -> Path:
        csr = x509.load_pem_x509_csr(request)
        assert csr.is_signature_valid
        builder = certificates._certificate(csr.subject, self.ca.subject, csr.public_key(), days)
        if usage:
            wanted = csr.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
            builder = builder.add_extension(wanted.value, critical=False)
        leaf = builder.sign(self.key, hashes.SHA256())
        path.write_bytes(leaf.public_bytes(PEM) + self.ca.public_bytes(PEM))
        return path


@pytest.fixture
def authority(tmp_path) -> Authority:
    (tmp_path / "authority").mkdir()
    return Authority(tmp_path / "authority")


@pytest.fixture
def asked(tmp_path) -> bytes:
    keyring.request("CN=Press office,O=Example,C=NL", tmp_path / "request.csr")
    return (tmp_path / "request.csr").read_bytes()


def test_a_request_and_its_answer(asked, authority, tmp_path, phrase):
    csr = x509.load_pem_x509_csr(asked)
    assert csr.subject.rfc4514_string() == "CN=Press office,O=Example,C=NL"
    usages = csr.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert certificates.C2PA_CLAIM_SIGNING in usages
    assert (folder() / "requested.key").stat().st_mode & 0o777 == 0o600
    signer, remarks = keyring.install(authority.answer(asked, tmp_path / "chain.pem"))
    assert (signer.origin, signer.algorithm, remarks) == ("user", "ES256", [])
    assert default_signer().leaf == signer.leaf
    assert "PRIVATE" not in signer.chain
    identity = folder() / "identity.pem"
    assert identity.stat().st_mode & 0o777 == 0o600
    assert "ENCRYPTED PRIVATE KEY" in identity.read_text()
    assert not (folder() / "requested.key").exists()
    facts = keyring.listing()["signer"]
    assert (facts["origin"], facts["encrypted"]) == ("user", True)
    assert facts["days_left"] in (58, 59)


def test_a_second_request_waits_for_the_first(asked, tmp_path):
    with pytest.raises(UsageError) as caught:
        keyring.request("CN=Other", tmp_path / "other.csr")
    assert caught.value.code == "key_exists"
    with pytest.raises(UsageError) as caught:
        keyring.request("CN=Other", tmp_path / "request.csr")
    assert caught.value.code == "output_exists"
    keyring.request("CN=Other", tmp_path / "request.csr", force=True)
    assert (tmp_path / "request.csr").read_bytes() != asked


@pytest.mark.parametrize("subject", ["", "nonsense", "CN"])
def test_subjects_that_cannot_be(tmp_path, subject):
    if subject:
        with pytest.raises(UsageError):
            keyring.request(subject, tmp_path / "request.csr")
    assert not folder().exists()


def test_answers_that_do_not_fit(asked, authority, tmp_path):
    answer = authority.answer(asked, tmp_path / "chain.pem")
    leaf, ca = x509.load_pem_x509_certificates(answer.read_bytes())
    stranger, other = tmp_path / "stranger", tmp_path / "other.pem"
    stranger.mkdir()
    strange = Authority(stranger)
    for content, said in (
        (b"", "Cannot use"),
        (leaf.public_bytes(PEM) + strange.ca.public_bytes(PEM), "broken"),
        (ca.public_bytes(PEM), "not issued for the key"),
        (authority.answer(asked, other, days=0).read_bytes(), "holds until"),
        (authority.answer(asked, other, usage=False).read_bytes(), "extended key usage"),
    ):
        other.write_bytes(content)
        with pytest.raises(RefusedError, match=said):
            keyring.install(other)
    assert (folder() / "requested.key").exists()
    assert default_signer().origin == "local"


def test_long_certificates_and_missing_intermediates_are_remarked(asked, authority, tmp_path):
    chain = authority.answer(asked, tmp_path / "chain.pem", days=365)
    chain.write_bytes(x509.load_pem_x509_certificates(chain.read_bytes())[0].public_bytes(PEM))
    _, remarks = keyring.install(chain)
    assert "365 days" in remarks[0]
    assert "intermediate" in remarks[1]


def test_a_certificate_near_its_end_is_named(user_identity, use_identity, caplog):
    use_identity(*user_identity("ES256", days=30))
    default_signer()
    assert not caplog.messages
    use_identity(*user_identity("ES256", days=5))
    default_signer()
    assert "expires in 4 days" in caplog.messages[0]


def test_a_key_made_elsewhere_and_its_successor(user_identity):
    for algorithm in ("ES384", "Ed25519"):
        chain, private = user_identity(algorithm)
        signer, _ = keyring.install(chain, private)
        assert signer.algorithm == algorithm
        assert private.exists()
    assert len(keyring.listing()["retired"]) == 1
    private.chmod(0o644)
    with pytest.raises(RefusedError) as caught:
        keyring.install(chain, private)
    assert caught.value.code == "key_exposed"


def test_a_self_signed_answer(tmp_path):
    private = ec.generate_private_key(ec.SECP256R1())
    name = certificates._name("self")
    own = certificates._certificate(name, name, private.public_key(), 30)
    own = own.add_extension(x509.ExtendedKeyUsage([certificates.C2PA_CLAIM_SIGNING]), critical=False)
    (tmp_path / "own.pem").write_bytes(own.sign(private, hashes.SHA256()).public_bytes(PEM))
    keyfile.write(tmp_path / "own.key", keyfile.pem(private, None))
    with pytest.raises(RefusedError, match="self-signed"):
        keyring.install(tmp_path / "own.pem", tmp_path / "own.key")
    assert not (folder() / "identity.pem").exists()


PLUGIN = """
from facewright.provenance.keys import local_signer
from dataclasses import replace

def good():
    return replace(local_signer(), origin="callback")

def nothing():
    return None

def away():
    raise ConnectionError("the key service is away")
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """An installed package that offers signers."""
    site = tmp_path / "site"
    (site / "acme-1.dist-info").mkdir(parents=True)
    (site / "acme_signers.py").write_text(PLUGIN)
    (site / "acme-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    points = "".join(f"{name} = acme_signers:{name}\n" for name in ("good", "nothing", "away"))
    (site / "acme-1.dist-info" / "entry_points.txt").write_text(f"[facewright.signers]\n{points}")
    monkeypatch.syspath_prepend(str(site))
    yield lambda name: monkeypatch.setenv("FACEWRIGHT_SIGNER", name)
    sys.modules.pop("acme_signers", None)


def test_a_signer_by_entry_point(plugin):
    plugin("good")
    assert default_signer().origin == "callback"
    assert keyring.listing()["installed_signers"] == ["away", "good", "nothing"]
    for name, said in (("nothing", "NoneType"), ("away", "is away"), ("absent", "away, good, nothing")):
        plugin(name)
        with pytest.raises(RefusedError, match=said) as caught:
            default_signer()
        assert caught.value.code == "sign_failed"
    assert "cannot be used" not in str(keyring.listing()["signer"]["problem"])


def test_listing_makes_nothing_and_holds_no_secret():
    assert keyring.listing()["signer"] is None
    assert not folder().exists()
    keyring.new()
    keyring.new_mark_key()
    secret = (folder() / "mark.key").read_bytes()
    said = str(keyring.listing())
    assert "PRIVATE" not in said
    assert secret.hex() not in said
    assert str(secret) not in said


def test_a_watermark_key_of_ones_own():
    assert resolve_key() == PUBLIC_KEY
    file = keyring.new_mark_key()
    assert file.stat().st_mode & 0o777 == 0o600
    assert resolve_key() == file.read_bytes() != PUBLIC_KEY
    with pytest.raises(UsageError) as caught:
        keyring.new_mark_key()
    assert caught.value.code == "key_exists"
    file.chmod(0o644)
    with pytest.raises(FacewrightError) as caught:
        resolve_key()
    assert caught.value.code == "key_exposed"


def test_marks_of_retired_keys_are_still_read(picture):
    import cv2

    still = cv2.resize(picture, (256, 256))[None].repeat(12, 0)
    keyring.new_mark_key()
    marked = VideoMarker("0123456789abcdef", width=256, height=256, fps=25).mark(still, 0)
    keyring.new_mark_key(replace=True)
    assert len(key.known_keys()) == 3
    reading = read_mark(iter([marked]))
    assert (reading.found, reading.record_id) == (True, "0123456789abcdef")
    assert not read_mark(iter([marked]), key=resolve_key()).found
    assert len(keyring.listing()["mark_key"]["retired"]) == 1


def test_a_named_watermark_key_is_rotated_where_it_stands(tmp_path, monkeypatch):
    named = tmp_path / "mark.key"
    named.write_bytes(b"0" * 32)
    monkeypatch.setenv("FACEWRIGHT_MARK_KEY", str(named))
    assert keyring.new_mark_key(replace=True) == named
    assert resolve_key() != b"0" * 32
    assert key.known_keys()[1:] == [b"0" * 32, PUBLIC_KEY]


def test_only_so_many_retired_keys_are_tried():
    keyring.new_mark_key()
    for _ in range(key.MOST_RETIRED + 2):
        keyring.new_mark_key(replace=True)
    assert len(key.known_keys()) == key.MOST_RETIRED + 2
    assert len(key.retired_key_files()) == key.MOST_RETIRED + 2


def test_signers_are_what_the_contract_says():
    signer = keyring.new()
    assert isinstance(signer, Signer)
    assert signer.leaf.not_valid_after_utc - signer.leaf.not_valid_before_utc == timedelta(days=90)
