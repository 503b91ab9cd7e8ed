"""AniTalker's second stage gives what the official one gives."""

from __future__ import annotations

import re

import pytest
import torch
from facewright.generate.methods.anitalker import convert_motion
from facewright.generate.methods.anitalker.model import AniTalkerMotion

from .fixture import Fixture
from .recording import record, recorded


@pytest.mark.parametrize("name", recorded("anitalker_stage2_*"))
@torch.inference_mode()
def test_the_denoiser_the_adapter_and_ddim(name):
    fixture = Fixture(name)
    official = fixture.weights("model")
    variant, params = convert_motion.variant(official)
    assert variant == fixture.config["infer_type"]
    assert params.motion == fixture.config["motion_dim"]
    assert params.decoder_depth == fixture.config["decoder_layers"]
    model = AniTalkerMotion(params).eval()
    model.load_state_dict(convert_motion.convert(official, model))
    fixture.check(outputs(model, fixture))


def outputs(model: AniTalkerMotion, fixture: Fixture) -> dict[str, torch.Tensor]:
    """Everything that was recorded, from our network."""
    params, given, out = model.params, fixture.inputs(), {}
    record(model.downsample[0], "down1", out)
    record(model.downsample, "down2", out)
    record(model.speech, "speech_out", out)
    record(model.decoder, "conf_dec_out", out)
    record(model.decoder.blocks[0], "conf_dec_layer0", out)
    if params.speech.depth:
        record(model.speech.blocks[0], "speech_layer0", out)

    features = substeps(given["audio"])
    portrait = {"code": given["direction_code"], "appearance": given["initial_code"]}
    heard, predicted = model.listen(features)
    noisy, t = (
        given["noisy_x"],
        torch.tensor([int(word) for word in fixture.meta["inputs"]["t"].split("[")[1][:-1].split()]),
    )
    out["eps"] = model(noisy, t, heard=heard, **portrait)
    out |= {f"pred_{name}": value for name, value in predicted.items()}
    if params.signals:
        signals = {"location": given["face_location"], "scale": given["face_scale"], "pose": given["yaw_pitch_roll"]}
        told, _ = model.listen(features, signals)
        out["eps_control"] = model(noisy, t, heard=told, **portrait)

    def denoise(x, t):
        return model(x, t, heard=heard, **portrait)

    ddim, steps = fixture.meta["inputs"]["ddim"], []
    assert model.diffusion.timesteps(ddim["T"]) == ddim["timesteps"]
    model.diffusion.sample(denoise, noisy, ddim["T"], each=lambda start, x: steps.append((start, x)))
    for index, (start, x) in enumerate(steps):
        out |= {f"ddim_step{index}": x, f"ddim_x0_{index}": start}
    scheduler, visited = model.diffusion.scheduler(ddim["T"])
    half = 0.5 * noisy
    single = scheduler.step(denoise(half, torch.full((len(half),), visited[1])), 1, half, use_clipped_model_output=True)
    out |= {"ddim_single": single.prev_sample, "ddim_single_x0": single.pred_original_sample}
    return out


def steps_of(fixture: Fixture) -> torch.Tensor:
    """The diffusion steps (b,) of a recorded call, which its description lists in brackets."""
    steps = torch.tensor([int(step) for step in re.findall(r"\d+", fixture.meta["inputs"]["t"])])
    noisy = fixture.meta["inputs"].get("noisy_x") or fixture.meta["inputs"]["x"]
    return steps.expand(noisy["shape"][0])


def substeps(audio: torch.Tensor) -> torch.Tensor:
    """Official features, (b, layers, 2n, channels) or (b, 4n, channels), as (b, n, substeps, layers, channels)."""
    if audio.ndim == 4:
        return audio.transpose(1, 2).unflatten(1, (-1, 2))
    return audio.unflatten(1, (-1, 4))[:, :, :, None]
