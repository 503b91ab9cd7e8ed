"""Authorities of a test's own: certificates, an OCSP responder and a time-stamp server, on the loopback address."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID, ObjectIdentifier

PEM = serialization.Encoding.PEM
OCSP = AuthorityInformationAccessOID.OCSP
CLAIMS = ExtendedKeyUsageOID.EMAIL_PROTECTION, ObjectIdentifier("1.3.6.1.4.1.62558.2.1")


class Authority:
    """A root and what it issues, as files in `folder`."""

    def __init__(self, folder: Path, name: str = "A test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(self.name, self.key.public_key(), timedelta(days=365))
        builder = builder.add_extension(x509.BasicConstraints(True, 0), True)
        self.root = builder.add_extension(_usage("key_cert_sign", "crl_sign", "digital_signature"), True).sign(
            self.key, hashes.SHA256()
        )
        self.anchors = folder / "root.pem"
        self.anchors.write_bytes(self.root.public_bytes(PEM))
        _write_key(folder / "root.key", self.key)

    def issue(
        self,
        name: str,
        *,
        purposes: tuple[ObjectIdentifier, ...] = CLAIMS,
        lasts: timedelta = timedelta(days=30),
        begins: timedelta = timedelta(hours=-1),
        responder: str | None = None,
        critical: bool = False,
        subject: str | None = None,
    ) -> tuple[x509.Certificate, Path, Path]:
        """A leaf, the file of its chain and the file of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        holder = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)])
        builder = (
            self._builder(holder, key.public_key(), lasts, begins)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(_usage("digital_signature"), True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), False)
        )
        if responder:
            access = x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier(responder)
            )
            builder = builder.add_extension(x509.AuthorityInformationAccess([access]), False)
        leaf = builder.sign(self.key, hashes.SHA256())
        chain, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(leaf.public_bytes(PEM) + self.root.public_bytes(PEM))
        _write_key(key_file, key)
        return leaf, chain, key_file

    def revocation_list(self, *revoked: x509.Certificate, days: float = 1) -> Path:
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now - timedelta(days=2))
        builder = builder.next_update(now + timedelta(days=days))
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - timedelta(hours=2)).build())
        path = self.folder / "revoked.crl"
        path.write_bytes(builder.sign(self.key, hashes.SHA256()).public_bytes(PEM))
        return path

    def _builder(
        self, subject: x509.Name, key: Any, lasts: timedelta, begins: timedelta = timedelta(hours=-1)
    ) -> x509.CertificateBuilder:
        start = datetime.now(UTC) + begins
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + lasts)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
        )


@contextmanager
def serving(answer: Callable[[bytes], bytes], kind: str) -> Iterator[str]:
    """A server that answers every request; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def ocsp_responder(authority: Authority, status: dict[x509.Certificate, str], signer: str = "root") -> Any:
    """OpenSSL's responder; `status` maps certificates to "good" or "revoked", others are unknown to it."""
    lines = []
    for certificate, state in status.items():
        since = f"{datetime.now(UTC) - timedelta(hours=2):%y%m%d%H%M%SZ}" if state == "revoked" else ""
        ends = f"{certificate.not_valid_after_utc:%y%m%d%H%M%SZ}"
        flag = "R" if state == "revoked" else "V"
        lines.append(f"{flag}\t{ends}\t{since}\t{certificate.serial_number:X}\tunknown\t/CN=x\n")
    index = authority.folder / "index.txt"
    index.write_text("".join(lines))
    key = authority.folder / f"{signer}.key"
    command = ["openssl", "ocsp", "-index", index, "-CA", authority.anchors, "-rsigner",
               authority.folder / f"{signer}.pem", "-rkey", key, "-ndays", "1"]  # fmt: skip

    def answer(request: bytes) -> bytes:
        (authority.folder / "request.der").write_bytes(request)
        paths = ["-reqin", authority.folder / "request.der", "-respout", authority.folder / "response.der"]
        subprocess.run([*command, *paths], check=True, capture_output=True)
        return (authority.folder / "response.der").read_bytes()

    return serving(answer, "application/ocsp-response")


def time_authority(authority: Authority) -> Any:
    """OpenSSL's time-stamp server with a certificate of `authority`."""
    folder = authority.folder
    _, chain, key = authority.issue("time", purposes=(ExtendedKeyUsageOID.TIME_STAMPING,), critical=True)
    (folder / "serial").write_text("01\n")
    settings = {"serial": folder / "serial", "signer_cert": chain, "certs": authority.anchors, "signer_key": key}
    settings |= {"signer_digest": "sha256", "default_policy": "1.2.3.4.1", "digests": "sha256,sha384,sha512"}
    settings |= {"ess_cert_id_chain": "yes", "ess_cert_id_alg": "sha256"}
    body = "".join(f"{name} = {value}\n" for name, value in settings.items())
    (folder / "ts.cnf").write_text(f"[tsa]\ndefault_tsa = own\n[own]\n{body}")

    def answer(query: bytes) -> bytes:
        (folder / "query.tsq").write_bytes(query)
        command = ["openssl", "ts", "-reply", "-config", folder / "ts.cnf"]
        command += ["-queryfile", folder / "query.tsq", "-out", folder / "reply.tsr"]
        subprocess.run(command, check=True, capture_output=True)
        return (folder / "reply.tsr").read_bytes()

    return serving(answer, "application/timestamp-reply")


def _write_key(path: Path, key: Any) -> None:
    path.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    path.chmod(0o600)


def _usage(*granted: str) -> x509.KeyUsage:
    bits = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement key_cert_sign crl_sign"
    )
    return x509.KeyUsage(**{bit: bit in granted for bit in bits.split()}, encipher_only=False, decipher_only=False)
