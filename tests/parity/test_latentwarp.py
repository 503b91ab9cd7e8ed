"""The latent-warp auto-encoder equals LIA, AniTalker's first stage and IF-MDM's, layer by layer."""

from __future__ import annotations

import pytest
import torch
from facewright.generate.methods.anitalker.convert import stage1 as anitalker
from facewright.generate.methods.ifmdm.convert import stage1 as ifmdm
from facewright.generate.nets.latentwarp import Appearance, LatentWarp, relative_motion
from facewright.generate.nets.latentwarp.official import load_official
from torch import Tensor

from .fixture import Fixture


def appearance_of(net: LatentWarp, picture: Tensor) -> tuple[Appearance, dict[str, Tensor]]:
    appearance = net.encode(picture)
    return appearance, {f"feat{i}": maps for i, maps in enumerate(appearance.maps)}


def scales_of(net: LatentWarp, appearance: Appearance, motion: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    style = net.style(appearance.code, motion)
    for i, canvas in enumerate(net.draw(appearance, motion)):
        found |= {f"flow{i}": canvas.logits, f"warp{i}": canvas.warped, "image": canvas.picture}
        found[f"mix{i}"] = net.decoder.scales[i].blend(canvas, style)
    return found


def check_options(net: LatentWarp, config: dict) -> None:
    """What the importer read off the keys is what the official class was built with."""
    assert (net.params.size, net.params.style) == (config["size"], config["style_dim"])
    assert net.params.motion == config["motion_dim"]
    assert net.params.refine == config.get("refine_block", False)
    assert net.params.hal == (config.get("fusion_type") == "weighted_sum")


@torch.no_grad()
def test_lia():
    fixture = Fixture("lia")
    net = load_official(fixture.weights("gen"), "LIA")
    check_options(net, fixture.config)
    pictures = fixture.inputs()
    source, start, drive = (net.motion(pictures[f"img_{name}"]) for name in ("source", "start", "drive"))
    appearance, found = appearance_of(net, pictures["img_source"])
    found |= {"h_source": appearance.code, "alpha_start": start, "alpha_drive": drive, "Q": net.basis()}
    found |= scales_of(net, appearance, drive)
    found["image_rel"] = net.decode(appearance, relative_motion(drive, start, source))
    fixture.check(found)


@torch.no_grad()
def test_anitalker():
    fixture = Fixture("anitalker_stage1")
    net = anitalker({f"lia.{key}": value for key, value in fixture.weights("model").items()})
    check_options(net, fixture.config)
    assert net.heads is not None
    lifted: list[Tensor] = []
    for lift in net.encoder.lift.values():
        lift.register_forward_hook(lambda module, inputs, output: lifted.append(output))
    pictures, found = fixture.inputs(), {}
    codes = {name: net.encode(pictures[f"x_{name}"]).code for name in ("start", "target", "face", "aug")}
    for call, start in enumerate(range(0, len(lifted), 3)):
        turn = f"#{call + 1}" if call else ""
        found |= {f"hal_fc{i + 1}{turn}": x for i, x in enumerate(lifted[start : start + 3])}
    for name, code in codes.items():
        prefix = {"start": "source"}.get(name, name)
        identity, density, rest = net.heads(code)
        found |= {f"h_{prefix}": code, f"h_{prefix}_id_emb": identity}
        found |= {f"h_{prefix}_id_density_emb": density, f"h_{prefix}_idrm_emb": rest}
    found["h_motion"] = motion = net.motion_of(codes["target"])
    found["h_another_face_target"] = net.motion_of(codes["face"])
    appearance, maps = appearance_of(net, pictures["x_start"])
    found |= maps | scales_of(net, appearance, motion)
    found |= {"Q": net.basis(), "w_delta": net.style(torch.zeros_like(appearance.code), motion)}
    found["image_drive"] = net.decode(appearance, pictures["alpha_drive"])
    fixture.check(found)


@pytest.mark.parametrize("name", ["ifmdm_stage1_gen", pytest.param("ifmdm_stage1_gen_512", marks=pytest.mark.slow)])
@torch.no_grad()
def test_ifmdm(name):
    fixture = Fixture(name)
    net = ifmdm(fixture.weights("gen"))
    check_options(net, fixture.config)
    assert net.params.tanh
    assert net.params.fill
    pictures = fixture.inputs()
    start, source, drive = pictures["h_start"], net.motion(pictures["img_source"]), net.motion(pictures["img_drive"])
    appearance, found = appearance_of(net, pictures["img_source"])
    found |= {"h_source": appearance.code, "alpha0": drive, "alpha_rel_first": drive}
    found["n_alpha_rel"] = torch.tensor(len((drive, source, start)))  # what `relative_motion` takes
    found |= scales_of(net, appearance, drive)
    found["image_rel"] = net.decode(appearance, relative_motion(drive, start / 2, start))
    fixture.check(found)
