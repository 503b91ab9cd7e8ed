"""Who is let in, and how often."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from facewright.provenance.softbinding import ALGORITHM
from facewright.serve.limits import CLIENTS, RateLimit, authorised, is_loopback

ALGORITHMS = "/services/supportedAlgorithms"


def test_a_bucket_empties_and_fills():
    now = 0.0
    limit = RateLimit(6, clock=lambda: now)
    assert [limit.wait("a") for _ in range(6)] == [0] * 6
    assert limit.wait("a") == pytest.approx(10)
    assert limit.wait("b") == 0
    now = 10.0
    assert limit.wait("a") == 0
    assert limit.wait("a") > 0
    now = 1000.0
    assert limit.wait("a", cost=6) == 0
    assert limit.wait("a", cost=3) == pytest.approx(30)
    now = 2000.0
    assert limit.wait("a", cost=50) == 0  # dearer than the bucket holds: the whole bucket


def test_holders_of_many_addresses_are_one_client():
    limit = RateLimit(1, clock=lambda: 0.0)
    assert limit.wait("2001:db8::1") == 0
    assert limit.wait("2001:db8::2") > 0
    assert limit.wait("2001:db8:0:1::2") == 0


def test_clients_are_forgotten():
    limit = RateLimit(1, clock=lambda: 0.0)
    for number in range(CLIENTS + 10):
        limit.wait(str(number))
    assert len(limit._buckets) == CLIENTS
    assert limit.wait("0") == 0


@pytest.mark.parametrize(
    ("header", "let_in"),
    [("Bearer secret-token-of-16", True), ("bearer  secret-token-of-16", True), ("Bearer secret", False),
     ("Basic secret-token-of-16", False), ("secret-token-of-16", False), ("", False), (None, False),
     ("Bearer §", False)],
)  # fmt: skip
def test_tokens(header, let_in):
    assert authorised(header, "secret-token-of-16") is let_in


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost"])
def test_addresses_of_this_machine(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.1", "example.org", "", "127.0.0.1.example.org"])
def test_addresses_that_others_reach(host):
    assert not is_loopback(host)


def refused(*options: object) -> str:
    command = [sys.executable, "-m", "facewright", "serve", "--port", "0", *map(str, options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode
    return done.stderr


def test_another_address_without_a_token_is_refused(tmp_path):
    for host in ("0.0.0.0", "::"):
        assert "token_missing" in refused("--host", host)
    token = tmp_path / "token"
    token.write_text("short")
    token.chmod(0o600)
    assert "bad_key" in refused("--host", "0.0.0.0", "--token-file", token)
    token.write_text("secret-token-of-16")
    token.chmod(0o644)
    assert "key_exposed" in refused("--host", "0.0.0.0", "--token-file", token)


def test_a_port_that_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "Cannot listen" in refused("--port", taken.getsockname()[1])


def test_a_token_lets_in_and_nothing_else_does(serve, tmp_path):
    token = tmp_path / "token"
    token.write_text("secret-token-of-16\n")
    token.chmod(0o600)
    with serve(tmp_path / "home", "--host", "0.0.0.0", "--token-file", token) as ask:
        for path in (ALGORITHMS, "/openapi.json", "/manifests/urn:c2pa:x", "/nonsense"):
            reply = ask(path)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        assert ask(ALGORITHMS, Authorization="Bearer secret-token-of-17").status == 401
        assert ask(ALGORITHMS, Authorization="Bearer secret-token-of-16").status == 200
        assert ask(ALGORITHMS, Authorization="Bearer secret-token-of-16", Host="any.example").status == 200


def test_too_many_requests(serve, tmp_path):
    with serve(tmp_path / "home", "--per-minute", 15) as ask:
        assert ask("/matches/byContent", b"x").status == 415
        replies = [ask(ALGORITHMS) for _ in range(8)]
        assert [reply.status for reply in replies[:5]] == [200] * 5
        late = next(reply for reply in replies if reply.status == 429)
        assert 1 <= int(late.headers["retry-after"]) <= 60


def test_an_empty_store_is_served_and_not_made(serve, tmp_path):
    with serve(tmp_path / "home") as ask:
        asked = f"?alg={ALGORITHM}&value=MDAwMDAwMDAwMDAwMDAwMA=="
        assert ask(f"/matches/byBinding{asked}").json == {"matches": []}
        assert ask("/manifests/urn:c2pa:x").status == 404
    assert not (tmp_path / "home").exists()
