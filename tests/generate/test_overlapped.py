"""Batch-overlapped denoising: what it averages, what it holds, and what it costs nothing."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from facewright.generate.methods.makeyouranchor.denoising import Denoiser, Frame, overlapped
from facewright.generate.methods.makeyouranchor.model import Control, UNet
from facewright.generate.methods.makeyouranchor.params import (
    ControlParams,
    SamplingParams,
    ScheduleParams,
    UNetParams,
    WindowParams,
)

STEPS = 5


def clip(count: int) -> list[Frame]:
    """Frames whose latents are one number."""
    draw = torch.Generator().manual_seed(count)
    return [Frame(torch.randn(1, generator=draw), torch.zeros(0)) for _ in range(count)]


def predict(frames, rate=0.3):
    """Every frame is drawn to the mean of its window: what is said of it depends on the window."""
    middle = torch.stack([frame.latent for frame in frames]).mean(0)
    return [rate * (frame.latent - middle) for frame in frames]


def advance(frame: Frame, noise: torch.Tensor) -> Frame:
    return replace(frame, latent=frame.latent - noise)


def streamed(frames, window: WindowParams, step=predict) -> torch.Tensor:
    for _ in range(STEPS):
        frames = overlapped(frames, step, advance, window)
    return torch.cat([frame.latent for frame in frames])


def whole(frames: list[Frame], window: WindowParams) -> torch.Tensor:
    """The same by the book: the whole clip in memory, windows from first to last."""
    for _ in range(STEPS):
        total, counts = torch.zeros(len(frames)), torch.zeros(len(frames))
        for start in range(0, len(frames), window.length - window.overlap):
            seen = frames[start : start + window.length]
            total[start : start + len(seen)] += torch.cat(predict(seen))
            counts[start : start + len(seen)] += 1
        frames = [advance(frame, noise) for frame, noise in zip(frames, (total / counts)[:, None], strict=True)]
    return torch.cat([frame.latent for frame in frames])


@pytest.mark.parametrize("count", [1, 3, 4, 7, 10, 11, 23])
@pytest.mark.parametrize("window", [WindowParams(4, 1, True), WindowParams(6, 4, True), WindowParams(5, 0, True)])
def test_the_stream_equals_the_whole_clip(count, window):
    torch.testing.assert_close(streamed(clip(count), window), whole(clip(count), window))


def test_a_window_as_long_as_the_clip_is_plain_sampling():
    plain = clip(9)
    for _ in range(STEPS):
        plain = [advance(frame, noise) for frame, noise in zip(plain, predict(plain), strict=True)]
    torch.testing.assert_close(streamed(clip(9), WindowParams(9, 4)), torch.cat([frame.latent for frame in plain]))


def test_the_last_window_brings_new_frames_unless_asked():
    seen: list[int] = []

    def noting(frames):
        seen.append(len(frames))
        return predict(frames)

    list(overlapped(clip(10), noting, advance, WindowParams(4, 1)))
    assert seen == [4, 4, 4]
    list(overlapped(clip(10), noting, advance, WindowParams(4, 1, tail=True)))
    assert seen[3:] == [4, 4, 4, 1]


def test_memory_is_that_of_a_window_a_step():
    window, alive, most = WindowParams(8, 2), 0, 0

    def source(count: int):
        nonlocal alive, most
        for frame in clip(count):
            alive += 1
            most = max(most, alive)
            yield frame

    frames = source(2000)
    for _ in range(STEPS):
        frames = overlapped(frames, partial(predict, rate=0.1), advance, window)
    for _ in frames:
        alive -= 1
    assert alive == 0
    assert most <= STEPS * window.length


def test_overlap_takes_the_step_out_of_seams():
    window = WindowParams(16, 4)
    ramp = [Frame(torch.tensor([frame / 10]), torch.zeros(0)) for frame in range(16 + 12 * 8)]
    moved = streamed(ramp, window, partial(predict, rate=0.05))
    change = moved.diff().abs()
    seams = torch.zeros(len(change), dtype=torch.bool)
    for start in range(0, len(ramp), window.length - window.overlap):
        seams[max(start - 1, 0) : start + window.overlap] = True  # where windows hand over
    separate = streamed(ramp, WindowParams(16, 0), partial(predict, rate=0.05)).diff().abs()
    assert change[seams].max() < separate.max()  # windows that do not overlap leave a step


@pytest.fixture(scope="module")
def networks():
    """Random networks of toy size that listen to their control pictures."""
    torch.manual_seed(3)
    sizes = {"channels": (32, 32, 32, 32), "context": 16, "heads": 2}
    nets = UNet(UNetParams(**sizes)), Control(ControlParams(**sizes, hint=(8, 8, 8, 8)))
    for net in nets:
        for parameter in net.parameters():  # a ControlNet begins at zero
            torch.nn.init.normal_(parameter, std=0.05)
    return tuple(net.eval() for net in nets)


def moving(count: int) -> list[Frame]:
    """Frames of one noise whose control picture wanders evenly."""
    noise = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(1))
    frames = []
    for index in range(count):
        control = torch.zeros(3, 64, 64, dtype=torch.uint8)
        control[:, 16:48, index : index + 24] = 255
        frames.append(Frame(noise, control))
    return frames


def drawn(networks, frames, window: WindowParams) -> torch.Tensor:
    """Finished latents (n, 4, 8, 8)."""
    context = torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2))
    sampling = SamplingParams(3, 3.0, 1.0, window)
    denoiser = Denoiser(*networks, context, DDIMScheduler(**vars(ScheduleParams())), sampling)
    return torch.stack([frame.latent for frame in denoiser.sample(frames)])


@torch.inference_mode()
def test_a_window_over_the_whole_clip_is_plain_inflated_sampling(networks):
    frames, window = moving(6), WindowParams(6, 3)
    scheduler = DDIMScheduler(**vars(ScheduleParams()))
    plain = Denoiser(
        *networks,
        torch.randn(2, 5, 16, generator=torch.Generator().manual_seed(2)),
        scheduler,
        SamplingParams(3, 3.0, 1.0, window),
    )
    scheduler.set_timesteps(3)
    latents = torch.stack([frame.latent for frame in frames])
    for t in scheduler.timesteps:  # every frame attends to every other, no windows anywhere
        noise = plain.noise([replace(f, latent=x) for f, x in zip(frames, latents, strict=True)], t)
        latents = scheduler.step(noise, int(t), latents, return_dict=False)[0]
    torch.testing.assert_close(drawn(networks, frames, window), latents)


@torch.inference_mode()
def test_seams_are_no_larger_than_what_lies_inside_windows(networks):
    window, frames = WindowParams(8, 4), moving(24)
    change = drawn(networks, frames, window).diff(dim=0).abs().flatten(1).mean(1)
    starts = [index - 1 for index in range(4, 24, 4)]  # where a window ends or begins
    seams = torch.zeros(len(change), dtype=torch.bool)
    seams[starts] = True
    assert change[seams].mean() <= 1.1 * change[~seams].mean()
    apart = drawn(networks, frames, WindowParams(8, 0)).diff(dim=0).abs().flatten(1).mean(1)
    assert apart[[7, 15]].mean() > change[[7, 15]].mean()  # without overlap there is a step
