"""IF-MDM's second stage gives what the official one gives."""

from __future__ import annotations

import pytest
import torch
from facewright.generate.methods.ifmdm import convert_motion
from facewright.generate.methods.ifmdm.model import IFMDMMotion
from facewright.generate.nets.guidance import guided

from .fixture import Fixture
from .recording import record, recorded
from .test_anitalker_motion import steps_of


@pytest.mark.parametrize("name", recorded("ifmdm_stage2_dit_*"))
@torch.inference_mode()
def test_the_denoiser_and_its_guidance(name):
    fixture = Fixture(name)
    official = fixture.weights("dit")
    variant, params = convert_motion.variant(official)
    assert variant == fixture.meta["cls"].split(".")[-1].replace("_", "-")
    assert params.motion == fixture.config["in_channels"]
    assert params.diffusion.learned_variance == fixture.config["learn_sigma"]
    model = IFMDMMotion(params).eval()
    model.load_state_dict(convert_motion.convert(official, model))

    given, out = fixture.inputs(), {}
    blocks = model.transformer.blocks
    for module, label in ((model.mix, "xy"), (model.time, "t_emb"), (blocks[0], "block0"), (blocks[-1], "block_last")):
        record(module, label, out)
    x, t = given["x"], steps_of(fixture)
    told = {"sound": given["audio"].unflatten(1, (-1, 2)), "hint": given["x_hint"]}
    none = torch.zeros_like(given["x_mean"])
    told |= {"mean": given["x_mean"], "deviation": given["x_std"]}
    out["pred"] = model(x, t, **told)
    out["pred_nostat"] = model(x, t, **told | {"mean": none, "deviation": none})
    out["pred_cfg"] = guided(model, told, {"sound": 2.0}, params.motion)(x, t)
    fixture.check(out)


def test_positions_of_another_kind_are_refused():
    from facewright.core.errors import AssetError

    fixture = Fixture("ifmdm_stage2_dit_a0")
    official = fixture.weights("dit")
    model = IFMDMMotion(convert_motion.variant(official)[1])
    with pytest.raises(AssetError, match="constant"):
        convert_motion.convert({**official, "pos_embed": torch.zeros(1, 67, 512)}, model)
