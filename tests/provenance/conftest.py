"""One small sealed video for all tests of the room, and the moving picture it is made from."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
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
    """A slow pan and zoom over a picture, as uint8 (T, size, size, 3) chunks."""
    side = min(picture.shape[:2])
    block = []
    for index in range(frames):
        t = index / 75
        zoom = size / side * (1.08 + 0.05 * np.sin(2 * t))
        shift = (size - side * zoom) / 2
        matrix = np.array([[zoom, 0, shift + 6 * np.sin(3 * t)], [0, zoom, shift + 4 * np.cos(2 * t)]], np.float32)
        block.append(cv2.warpAffine(picture, matrix, (size, size), borderMode=cv2.BORDER_REFLECT))
        if len(block) == chunk or index == frames - 1:
            yield np.stack(block)
            block = []


@pytest.fixture(scope="session")
def picture(portrait_path: Path) -> np.ndarray:
    return cv2.cvtColor(cv2.imread(str(portrait_path)), cv2.COLOR_BGR2RGB)


@pytest.fixture
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


def seal_moving(picture: np.ndarray, target: Path, draft: Draft, **options) -> Sealed:
    return seal(
        moving(picture),
        target,
        draft=draft,
        fps=FPS,
        width=SIZE,
        height=SIZE,
        audio=voice(),
        audio_rate=16_000,
        **options,
    )


@pytest.fixture(scope="session")
def _sealed_once(tmp_path_factory: pytest.TempPathFactory, picture: np.ndarray, draft: Draft) -> Sealed:
    folder = tmp_path_factory.mktemp("sealed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEWRIGHT_HOME", str(folder / "home"))
        return seal_moving(picture, folder / "clip.mp4", draft)


@pytest.fixture
def sealed(_sealed_once: Sealed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sealed:
    """A sealed file of one's own, with the home (keys, store) of whoever sealed it."""
    home = tmp_path / "home"
    shutil.copytree(_sealed_once.path.parent / "home", home)
    monkeypatch.setenv("FACEWRIGHT_HOME", str(home))
    path = shutil.copy(_sealed_once.path, tmp_path / "clip.mp4")
    return Sealed(Path(path), *[getattr(_sealed_once, name) for name in ("record_id", "frames", "seconds", "compute")])
