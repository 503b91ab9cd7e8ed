"""The StyleGAN2 generator and discriminators equal theirs, layer by layer."""

from __future__ import annotations

import re

import torch
from facewright.generate.methods.ifmdm.convert import stage1_discriminator
from facewright.generate.nets import stylegan2
from facewright.generate.nets.discriminator import OFFICIAL, Discriminator
from torch import Tensor, nn

from .fixture import Fixture


def record(module: nn.Module, label: str, found: dict[str, Tensor]) -> None:
    """Keep the output of the module's first call."""

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        found.setdefault(label, output.clone())

    module.register_forward_hook(keep)


@torch.no_grad()
def check_discriminator(net: Discriminator, fixture: Fixture) -> None:
    found: dict[str, Tensor] = {}
    for i, block in enumerate(net.blocks, 1):
        record(block, f"c{i}", found)
        record(block, f"convs{i}", found)
    record(net.blocks[-1], "convs", found)
    record(net.last, "final_conv", found)
    found["logit"] = net(fixture.inputs()["img"])
    fixture.check(found)


def test_ifmdm_discriminator():
    fixture = Fixture("ifmdm_stage1_dis")
    check_discriminator(stage1_discriminator(fixture.weights("dis")), fixture)


def test_stylegan2_discriminator():
    fixture = Fixture("stylegan2_discriminator")
    net = Discriminator(fixture.config["size"])
    net.load_state_dict(OFFICIAL.convert(fixture.weights("d"), net.state_dict(), "StyleGAN2"))
    check_discriminator(net, fixture)


@torch.no_grad()
def test_stylegan2_generator():
    fixture = Fixture("stylegan2_generator")
    config = fixture.config
    params = stylegan2.StyleGAN2Params(config["size"], config["style_dim"], config["n_mlp"], config["lr_mlp"])
    net = stylegan2.StyleGAN2(params)
    net.load_state_dict(stylegan2.OFFICIAL.convert(fixture.weights("g"), net.state_dict(), "StyleGAN2"))
    found, inputs = {}, fixture.inputs()
    record(net.convs[0], "conv1", found)
    record(net.rgbs[0], "to_rgb1", found)
    record(net.convs[-1], "convs_last", found)
    for i, conv in enumerate(net.convs[1:]):
        record(conv, f"convs{i}", found)
    w, w2 = net.mapping(inputs["z"]), net.mapping(inputs["z2"])
    found |= {"w": w, "image": net(w)}
    index, truncation = re.findall(r"[\d.]+", fixture.meta["outputs"]["image_mix"]["meaning"])
    w, w2 = (inputs["trunc_latent"].lerp(each, float(truncation)) for each in (w, w2))
    found["image_mix"] = net([w] * int(index) + [w2] * (net.layers - int(index)))
    fixture.check(found)
