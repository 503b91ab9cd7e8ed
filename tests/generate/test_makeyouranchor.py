"""Make-Your-Anchor as a method: with random networks, for what must hold whatever they have learned."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from facewright.cli.main import run
from facewright.core.errors import AssetError, InputError
from facewright.core.faces import find_faces, paste_back
from facewright.core.faces.crop import invert, warp
from facewright.core.media import VideoWriter, read_image
from facewright.generate import RendersDrive
from facewright.generate.methods.makeyouranchor import params, pictures
from facewright.generate.methods.makeyouranchor.head import cut_out
from facewright.generate.methods.makeyouranchor.model import Control, UNet
from facewright.generate.methods.makeyouranchor.pipeline import MakeYourAnchor
from facewright.generate.nets import stored
from facewright.generate.nets.ldm.vae import VAE, VAEParams
from facewright.generate.replaying import Origin, replay
from facewright.generate.talker import Talker

SMALL = {"channels": (32, 32, 32, 32), "context": 32, "heads": 4}
SIDE = {"side": 64}
NETS = {
    "vae": lambda: VAE(VAEParams((32, 32, 32, 32))),
    "image_encoder": lambda: pictures.Appearance(params.AppearanceParams(32, 64, 1, 4)),
    "text_encoder": lambda: pictures.Unconditional(params.UnconditionalParams(50, 32)),
    "body-unet": lambda: UNet(params.UNetParams(**SMALL, **SIDE)),
    "body-controlnet": lambda: Control(params.ControlParams(**SMALL, hint=(8, 8, 8, 8))),
    "head-unet": lambda: UNet(params.UNetParams(9, clips=False, **SMALL, **SIDE)),
    "head-controlnet": lambda: Control(params.ControlParams(**SMALL, hint=(8, 8, 8, 8), clips=False)),
}
FAST = {"steps": 2, "window": 8, "overlap": 3}
FRAMES, FPS = 21, 25


class AlwaysThere:
    """A finder that sees the portrait's face in every frame, wherever noise may hide it."""

    cut = False

    def __init__(self, face, scale: float) -> None:
        points = face.landmarks * scale
        self.face = replace(face, landmarks=points, box=tuple(side * scale for side in face.box))

    def detect(self, image):
        return [self.face]

    def close(self) -> None: ...


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with random networks of toy size, installed as imported weights are."""
    home = tmp_path_factory.mktemp("home")
    folder, files = home / "weights" / "random", []
    folder.mkdir(parents=True)
    torch.manual_seed(1)
    for stem, build in NETS.items():
        path, net = folder / f"{stem}.safetensors", build()
        for parameter in net.parameters():
            torch.nn.init.normal_(parameter, std=0.1)  # a ControlNet begins at zero
        stored.save(net, path)
        raw = path.read_bytes()
        files.append({"file": path.name, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)})
    licences = dict.fromkeys(("code", "weights", "data"), "none")
    about = {"name": "random", "architecture": "random", "licences": licences, "data": ["none"], "made": {}}
    (folder / "record.json").write_text(json.dumps(about | {"files": files, "metrics": {}}))
    return home


@pytest.fixture
def talker(home, monkeypatch, portrait_path):
    monkeypatch.setenv("FACEWRIGHT_HOME", str(home))
    method = MakeYourAnchor(device="cpu", weights="random")
    finder = AlwaysThere(find_faces(read_image(portrait_path))[0], 64 / 512)
    method.heads = replace(method.heads, finder=finder)
    return Talker(method, "random")


@pytest.fixture(scope="module")
def renders(tmp_path_factory):
    """A bar that wanders through a dark room."""
    return RendersDrive.open(written(tmp_path_factory.mktemp("renders") / "mesh.mp4", 256, 256))


def written(path, width, height):
    with VideoWriter(path, width=width, height=height, fps=FPS) as writer:
        for frame in range(FRAMES):
            room = np.full((1, height, width, 3), 20, np.uint8)
            room[:, 40:200, 8 * frame : 8 * frame + 40] = (200, 160, 90)
            writer.write(room)
    return path


def unmarked(clip):
    return np.concatenate(list(clip._unmarked()))


def test_as_many_frames_as_renders_whatever_the_chunk(talker, portrait_path, renders):
    clip = talker(portrait_path, renders, seed=3, fps=FPS, **FAST)
    frames = unmarked(clip)
    assert frames.shape == (FRAMES, 512, 512, 3)
    assert (frames[4] != frames[12]).any()  # the bar has moved
    np.testing.assert_array_equal(frames, unmarked(replace(clip, chunk=3)))
    assert (unmarked(talker(portrait_path, renders, seed=4, fps=FPS, **FAST)) != frames).any()
    assert [item.role for item in clip.draft().ingredients] == ["portrait", "video"]
    assert len(clip.weights) == len(NETS)


def test_the_head_is_drawn_again_where_it_is_and_nowhere_else(talker, portrait_path, renders):
    drive = replace(renders, limit=0.4)
    with_head = unmarked(talker(portrait_path, drive, fps=FPS, **FAST))
    talker.method.heads.finder.detect = lambda image: []
    without = unmarked(talker(portrait_path, drive, fps=FPS, **FAST))
    changed = (with_head != without).any((0, 3))
    assert changed[60:200, 180:280].any()  # the astronaut's face
    assert not changed[400:].any()


def test_an_unchanged_head_leaves_the_rest_of_the_frame_bit_for_bit(portrait_path):
    frame = read_image(portrait_path)
    cut = cut_out(frame, frame, find_faces(frame)[0], 256)
    back = paste_back(frame, cut.crop, cut.matrix, cut.share)
    within = warp(cut.share, invert(cut.matrix), (512, 512), border=cv2.BORDER_CONSTANT) > 0
    assert 0.02 < within.mean() < 0.5
    np.testing.assert_array_equal(back[~within], frame[~within])
    assert np.abs(back[within].astype(int) - frame[within]).mean() < 4  # resampled twice
    painted = paste_back(frame, np.zeros_like(cut.crop), cut.matrix, cut.share)
    np.testing.assert_array_equal(painted[~within], frame[~within])


def test_renders_of_another_shape_are_refused(talker, portrait_path, tmp_path):
    drive = RendersDrive.open(written(tmp_path / "wide.mp4", 512, 256))
    with pytest.raises(InputError) as caught:
        next(iter(talker(portrait_path, drive, fps=FPS, **FAST)))
    assert caught.value.code == "wrong_shape"


@pytest.mark.slow
def test_a_sealed_video_of_it_is_replayed(talker, portrait_path, renders, tmp_path):
    clip = talker(portrait_path, replace(renders, limit=0.6), seed=3, fps=FPS, **FAST)
    sealed = clip.save(tmp_path / "out.mp4")
    assert sealed.frames == 15
    again = Origin.of(sealed.path)
    assert (again.method, again.controls["drive"], again.weights) == ("makeyouranchor", "renders", clip.weights)
    command = ["reenact", str(portrait_path), str(renders.path), "-o", str(tmp_path / "cli.mp4"), "--fps", str(FPS)]
    command += ["--method", "makeyouranchor", "--weights", "random", "--device", "cpu", "--preview", "0.6s", "--json"]
    assert run([*command, *(word for name, value in FAST.items() for word in ("--set", f"{name}={value}"))]) == 0
    assert Origin.of(tmp_path / "cli.mp4").controls["drive"] == "renders"
    remade = replay(sealed.path, device="cpu")
    assert remade.drive.kind == "renders"
    assert len(unmarked(remade)) == 15


def test_without_weights_it_says_where_to_get_them():
    with pytest.raises(AssetError) as caught:
        MakeYourAnchor(weights="nothing")
    assert caught.value.code == "weights_missing"
    assert "weights import makeyouranchor" in caught.value.hint
