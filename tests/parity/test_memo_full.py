"""MEMO's networks at their published size: their names and shapes at once, their numbers where memory allows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from facewright.generate.methods.memo import configuration, convert
from facewright.generate.methods.memo.model import Conditions, DiffusionNet, split
from facewright.generate.methods.memo.params import MemoParams
from facewright.generate.methods.memo.reference import ReferenceNet
from facewright.generate.nets.renaming import Table

from .fixture import Fixture
from .test_memo import emotions, shaped, watch

FREE = 14  # GiB


def memory() -> float:
    """GiB that could be had."""
    found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text("ascii"))
    return int(found[1]) / 2**20 if found else 0.0


@pytest.fixture
def _room():
    if memory() < FREE:
        pytest.skip(f"needs {FREE} GiB of free memory, there are {memory():.1f}")


@pytest.mark.parametrize(
    ("name", "tag", "count"),
    [("memo_reference_net_full", "reference_net", 662), ("memo_diffusion_net_full", "diffusion_net", 2576)],
)
def test_every_official_name_is_one_of_ours(name, tag, count):
    fixture = Fixture(name)
    keys = fixture.keys(tag)
    with torch.device("meta"):
        params = configuration.unet_params(fixture.config)
        if tag == "reference_net":
            net, table = ReferenceNet(params), Table(())
        else:
            temporal = configuration.temporal_params(fixture.config["motion_module_kwargs"])
            net = DiffusionNet(MemoParams(params, fixture.config["audio_attention_dim"], temporal))
            table = convert.diffusion_table({})
    assert len(keys) == count
    ours = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    learned = {key: shape for key, shape in keys.items() if not key.endswith(convert.PLACES)}
    assert {table.rename(key): shape for key, shape in learned.items()} == ours


@pytest.mark.slow
@pytest.mark.usefixtures("_room")
@torch.inference_mode()
def test_the_reference_network():
    fixture = Fixture("memo_reference_net_full")
    net = convert.network(fixture.weights("reference_net"), fixture.config, fixture.name)[1]
    given = fixture.inputs()
    fixture.check(shaped(net(given["z"], given["face_tokens"]), fixture))


@pytest.mark.slow
@pytest.mark.usefixtures("_room")
@torch.inference_mode()
def test_the_diffusion_network():
    fixture = Fixture("memo_diffusion_net_full")
    net = convert.network(fixture.weights("diffusion_net"), fixture.config, fixture.name)[1]
    assert isinstance(net, DiffusionNet)
    given, out = fixture.inputs(), {}
    bank = {
        label.removeprefix("ref_"): tokens.flatten(2).transpose(1, 2) if tokens.ndim == 4 else tokens
        for label, tokens in given.items()
        if label.startswith("ref_")
    }
    reference, past = split(bank, 2)
    labels = torch.tensor([int(label) for label in re.findall(r"\d+", emotions(fixture))])
    audio, x = given["audio_tokens"], given["latents"]
    told = Conditions(given["face_tokens"], torch.cat([torch.zeros_like(audio), audio]), labels, alone=1)
    watch(net, x.shape[2], fixture, out)
    t = torch.full((2,), float(fixture.meta["inputs"]["t"]))
    out["v_cfg"] = net(x.repeat(2, 1, 1, 1, 1), t, told, net.look(reference), net.remember(past))
    fixture.check(out)
