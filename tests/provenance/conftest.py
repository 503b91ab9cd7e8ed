"""One small sealed video for all tests of the room, and the moving picture it is made from."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from facewright.provenance import Draft, Ingredient, Sealed, certificates, seal

SIZE, FPS, FRAMES = 256, 25, 75
PEM = serialization.Encoding.PEM
KEYS = {
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.generate,
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
}


def moving(picture: np.ndarray, frames: int = FRAMES, size: int = SIZE, chunk: int = 16) -> Iterator[np.ndarray]:
    """A head that sways before a still background, as uint8 (T, size, size, 3) chunks."""
    still = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:size, :size].astype(np.float32)
    head = np.exp(-((x / size / 0.22 - 2.05) ** 2) - (y / size / 0.28 - 1.07) ** 2)
    block = []
    for index in range(frames):
        across, down = 0.02 * size * np.sin(index / 12), 0.012 * size * np.cos(index / 15)
        block.append(cv2.remap(still, x + across * head, y + down * head, cv2.INTER_LINEAR, None, cv2.BORDER_REFLECT))
        if len(block) == chunk or index == frames - 1:
            yield np.stack(block)
            block = []


@pytest.fixture(scope="session")
def picture(portrait_path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(portrait_path)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="session")
def frames(picture: np.ndarray) -> Callable[..., Iterator[np.ndarray]]:
    return lambda **options: moving(picture, **options)


def voice(seconds: float = FRAMES / FPS, rate: int = 16_000) -> Iterator[np.ndarray]:
    """A tone in blocks of a tenth of a second."""
    time = np.arange(round(seconds * rate)) / rate
    tone = (0.3 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    yield from np.array_split(tone, max(1, round(10 * seconds)))


@pytest.fixture(scope="session")
def draft(portrait_path: Path) -> Draft:
    return Draft(
        method="pan",
        method_version="1",
        weights={"none": "0" * 64},
        seed=7,
        controls={"zoom": 0.05, "name": "Grüße", "steps": [1, 2.5]},
        ingredients=(Ingredient(portrait_path, "portrait"),),
        command=("facewright", "generate", "secret-folder/portrait.png"),
    )


@pytest.fixture
def user_identity(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Makes a user's PEM chain and key files, each issued by an authority of their own."""

    def make(algorithm: str, password: bytes | None = None, days: float = 30) -> tuple[Path, Path]:
        folder = tmp_path / f"identity-{algorithm}-{days}"
        folder.mkdir()
        key = KEYS[algorithm]()
        ca, ca_key = certificates._authority(folder)
        leaf = certificates._leaf("A user of their own", ca, ca_key, key.public_key(), days)
        (folder / "chain.pem").write_bytes(leaf.public_bytes(PEM) + ca.public_bytes(PEM))
        how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        (folder / "key.pem").write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, how))
        (folder / "key.pem").chmod(0o600)
        return folder / "chain.pem", folder / "key.pem"

    return make


@pytest.fixture
def use_identity(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, Path], None]:
    def use(chain: Path, key: Path) -> None:
        monkeypatch.setenv("FACEWRIGHT_SIGN_CERT", str(chain))
        monkeypatch.setenv("FACEWRIGHT_SIGN_KEY", str(key))

    return use


def seal_moving(picture: np.ndarray, target: Path, draft: Draft, size: int = SIZE, **options) -> Sealed:
    return seal(
        moving(picture, size=size),
        target,
        draft=draft,
        fps=FPS,
        width=size,
        height=size,
        audio=voice(),
        audio_rate=16_000,
        **options,
    )


@pytest.fixture(scope="session")
def _sealed_once(
    tmp_path_factory: pytest.TempPathFactory, picture: np.ndarray, draft: Draft
) -> Callable[[int], Sealed]:
    @cache
    def once(size: int) -> Sealed:
        folder = tmp_path_factory.mktemp("sealed")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FACEWRIGHT_HOME", str(folder / "home"))
            return seal_moving(picture, folder / "clip.mp4", draft, size)

    return once


@pytest.fixture
def sealed(request, _sealed_once: Callable[[int], Sealed], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    """A sealed file of one's own, with the home (keys, store) of whoever sealed it; the parameter is its size."""
    once = _sealed_once(getattr(request, "param", SIZE))
    home = tmp_path / "home"
    shutil.copytree(once.path.parent / "home", home)
    monkeypatch.setenv("FACEWRIGHT_HOME", str(home))
    return dataclasses.replace(once, path=Path(shutil.copy(once.path, tmp_path / "clip.mp4")))
