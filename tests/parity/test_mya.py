"""Make-Your-Anchor's networks and its windows give what the official ones give."""

from __future__ import annotations

import re

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from facewright.generate.methods.makeyouranchor import convert
from facewright.generate.methods.makeyouranchor.denoising import Denoiser, Frame
from facewright.generate.methods.makeyouranchor.params import SamplingParams, ScheduleParams, WindowParams
from facewright.generate.nets.ldm.frames import unfold

from .fixture import Fixture
from .recording import record

NEEDED = 10 << 30  # bytes: two networks of 4.9 GB together, filled tensor by tensor


@torch.inference_mode()
def test_body():
    fixture = Fixture("mya_controlvideo_reduced")
    unet, control = networks(fixture, clips=True)
    told, given = facts(fixture), fixture.inputs()
    t = step_of(fixture)
    length, context = int(told["window"]), given["context"]
    hints = given["control_rgb"][:, :, :length].expand(2, -1, -1, -1, -1)
    noisy = given["noise"].repeat(2, 1, length, 1, 1) + 0.1 * torch.arange(length)[:, None, None]
    seen = watched(fixture, unet, control)
    residuals = control(noisy, t, context, hints, told["control_scale"])
    out = {"eps_window": unet(noisy, t, context, residuals)}
    out |= {label: clip(seen[label], length) for label in seen}
    out |= laid_out(residuals, length)
    out["eps_plain"] = unet(noisy[:1], t, context[1:])

    sampling = SamplingParams(
        int(told["steps"]), told["guidance"], told["control_scale"], WindowParams(length, int(told["overlap"]), True)
    )
    scheduler = DDIMScheduler(**fixture.config["scheduler"])
    denoiser = Denoiser(unet, control, context, scheduler, sampling)
    scheduler.set_timesteps(sampling.steps)
    frames = [Frame(given["noise"][0, :, 0], hint) for hint in given["control_rgb"][0].transpose(0, 1)]
    through = list(denoiser.sample(frames))
    for index, step in enumerate(scheduler.timesteps):
        frames = list(denoiser.step(frames, step))
        out[f"loop_step{index}"] = torch.stack([frame.latent for frame in frames], 1)[None]
    assert all(torch.equal(one.latent, other.latent) for one, other in zip(frames, through, strict=True))
    fixture.check(out)


@torch.inference_mode()
def test_head():
    fixture = Fixture("mya_head_inpaint_unet2d_reduced")
    unet, control = networks(fixture, clips=False)
    given, t = fixture.inputs(), int(fixture.meta["inputs"]["t"])
    noisy = given["x"][:, :, None]  # a clip of one frame
    scale = float(fixture.meta["inputs"].get("conditioning_scale", 1))
    residuals = control(noisy[:, : control.params.inputs], t, given["context"], given["control"][:, :, None], scale)
    out = laid_out(residuals, None)
    out["eps"] = unet(noisy, t, given["context"], residuals)[:, :, 0]
    out["eps_plain"] = unet(noisy, t, given["context"])[:, :, 0]
    fixture.check({label: out[label] for label in fixture.outputs})


@pytest.mark.slow
@torch.inference_mode()
def test_full_size():
    if (free := available()) < NEEDED:
        pytest.skip(f"{free / 2**30:.1f} GB of memory are free, {NEEDED >> 30} are needed")
    fixture = Fixture("mya_controlvideo_full")
    unet, control = networks(fixture, clips=True)
    given, length, t = fixture.inputs(), fixture.config["frames"], int(fixture.meta["inputs"]["t"])
    seen = watched(fixture, unet, control)
    scale = float(fixture.meta["inputs"]["conditioning_scale"])
    residuals = control(given["x"], t, given["context"], given["control_rgb"], scale)
    out = {"eps": unet(given["x"], t, given["context"], residuals)}
    out |= {label: clip(seen[label], length) for label in seen}
    out |= laid_out(residuals, length)
    out["eps_plain"] = unet(given["x"], t, given["context"])
    fixture.check(out)


def test_the_schedule_is_the_recorded_one():
    scheduler = DDIMScheduler(**vars(ScheduleParams()))
    for name, value in Fixture("mya_controlvideo_reduced").config["scheduler"].items():
        assert scheduler.config[name] == value


def networks(fixture: Fixture, clips: bool):
    """Both networks, converted; the sizes that were read from the tensors are those of the config."""
    unet = convert.unet(fixture.weights("unet"), heads=fixture.config["unet"]["attention_head_dim"], clips=clips)
    control = convert.control(
        fixture.weights("controlnet"), heads=fixture.config["controlnet"]["attention_head_dim"], clips=clips
    )
    for net, config in ((unet, fixture.config["unet"]), (control, fixture.config["controlnet"])):
        assert net.params.channels == tuple(config["block_out_channels"])
        assert net.params.context == config["cross_attention_dim"]
        assert net.params.inputs == config["in_channels"]
    assert unet.params.outputs == fixture.config["unet"]["out_channels"]
    wanted = fixture.config["controlnet"].get("conditioning_embedding_out_channels", (16, 32, 96, 256))
    assert control.params.hint == tuple(wanted)
    return unet, control


def step_of(fixture: Fixture) -> int:
    """The step of the recorded window, which its meaning tells as `t=number`."""
    return int(re.findall(r"t=(\d+)", fixture.meta["outputs"]["eps_window"]["meaning"])[0])


def facts(fixture: Fixture) -> dict[str, float]:
    """The options of the loop, which its note tells as `name=number`."""
    return {name: float(value) for name, value in re.findall(r"(\w+)=(\d+(?:\.\d+)?)", fixture.meta["note"])}


def watched(fixture: Fixture, unet, control) -> dict[str, torch.Tensor]:
    """Where the first output of every module lands that was recorded as one."""
    seen: dict[str, torch.Tensor] = {}
    for label, spec in fixture.meta["outputs"].items():
        if found := re.fullmatch(r"output of module (\S+)", spec["meaning"]):
            net = (control if label.startswith("c_") else unet).net
            record(net.get_submodule(found[1]), label, seen)
    return seen


def clip(found, frames: int) -> torch.Tensor:
    """What a module gave, frames folded into the batch, as the official one gives it."""
    found = found[0] if isinstance(found, tuple) else found
    return unfold(found, frames) if found.ndim == 4 else found[::frames]


def laid_out(residuals, frames: int | None) -> dict[str, torch.Tensor]:
    """The ControlNet's residuals by label: clips, or pictures where there are no frames."""
    named = {f"control_res{index}": value for index, value in enumerate(residuals.down)}
    named["control_mid"] = residuals.middle
    return {label: unfold(value, frames) if frames else value for label, value in named.items()}


def available() -> int:
    """Free memory in bytes; 0 where the system does not tell."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except OSError:
        return 0
