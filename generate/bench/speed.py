"""How fast a method is: its networks against the machine's own matrix products, and where the time of a clip goes.

Networks and matrix products are timed in turns, on a CPU by its own time, so that what else the machine does weighs
little. Operations are those PyTorch counts: two for each product and sum of a convolution or matrix product.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from ...provenance import Store, seal
from ..clip import SOUND_RATE, Clip
from ..drive import Drive
from ..latent.method import LatentMethod
from ..latent.portrait import still
from ..latent.samples import picture
from ..talker import Talker

SIDE = 1536  # of the matrices
TIMES = 3
CODES = 16  # frames drawn to time the drawing


def speed(talker: Talker, portrait: Any, drive: Drive, *, size: int, seed: int = 0) -> dict[str, Any]:
    """Figures of one clip, from loaded networks to the sealed file.

    Returns:
        `frames`, `seconds` of the whole; `fps_marked` end to end and `fps_render` of drawing alone;
        `first_chunk_seconds`; `stages`: name → milliseconds a frame, which may overlap in the sealed clip.
        For methods of latent codes also `networks`: name → gigaoperations a frame, milliseconds of one core or of the
        GPU, and the `share` of the rate at which the same multiplies large matrices (`matmul_gflops`); and
        `latency_seconds`, the sound that must be heard before the first frame can be drawn.
    """
    began = time.perf_counter()
    clip = talker(portrait, drive, size=size, fps=25, seed=seed)
    prepared = time.perf_counter() - began
    next(iter(clip))
    waited = time.perf_counter() - began
    began = time.perf_counter()
    frames, sealing = _sealed(clip)
    whole = time.perf_counter() - began + prepared
    drawing, networks = _drawing(clip)
    stages = drawing | {name: 1000 * spent / frames for name, spent in sealing.items()}
    drawn = sum(milliseconds for name, milliseconds in drawing.items() if name in DRAWN)
    return {
        "frames": frames,
        "seconds": whole,
        "fps_render": 1000 / drawn,
        "fps_marked": frames / whole,
        "first_chunk_seconds": waited,
        "stages": {"prepare": 1000 * prepared / frames, **stages},
        **networks,
    }


DRAWN = ("render", "draw", "paste back")


def _sealed(clip: Clip) -> tuple[int, dict[str, float]]:
    """Frames, and seconds of the seal's own stages; the file and its record are dropped."""
    with tempfile.TemporaryDirectory() as folder:
        sounds = clip.drive.sounds
        found = seal(
            iter(clip._rendered()),
            Path(folder) / "clip.mp4",
            draft=clip.draft(),
            fps=clip.fps,
            width=clip.width,
            height=clip.height,
            audio=clip.drive.audio(SOUND_RATE) if sounds else None,
            audio_rate=SOUND_RATE if sounds else None,
            store=Store(f"sqlite:///{folder}/records.sqlite"),
        )
        return found.frames, found.compute


def _drawing(clip: Clip) -> tuple[dict[str, float], dict[str, Any]]:
    """Milliseconds a frame of what comes before the seal; of methods of latent codes, their networks too."""
    method = clip.method
    if isinstance(method, LatentMethod):
        return _latent(method, clip)
    made, spent = _timed(lambda: list(_motion(clip)))
    block = made[0][:CODES]
    drawn = _least(lambda: method.render(clip.state, block))
    return {"motion": 1000 * spent / max(sum(map(len, made)), 1), "render": 1000 * drawn / len(block)}, {}


def _motion(clip: Clip) -> Iterator[Any]:
    return clip.method.motion(clip.state, clip.drive, controls=clip.controls, seed=clip.seed, fps=25.0)


@torch.inference_mode()
def _latent(method: LatentMethod, clip: Clip) -> tuple[dict[str, float], dict[str, Any]]:
    state, net, model = clip.state, method.net, method.model
    size = net.params.size
    crop = torch.from_numpy(picture(np.zeros((size, size, 3), np.uint8)))[None].to(method.device)
    steps: dict[str, tuple[Callable[[], Any], int]] = {}  # name → one run, and the frames it serves
    stages: dict[str, float] = {}
    if clip.drive.kind == "video":
        made, spent = _timed(lambda: list(_motion(clip)))
        codes = np.concatenate(made)[:CODES]
        stages["follow the driver"] = 1000 * spent / sum(map(len, made))
        steps["read motion"] = (lambda: net.motion(crop), 1)
    else:
        heard, spent = _timed(lambda: torch.cat(list(method.hear(clip.drive))))
        stages["hear"] = 1000 * spent / len(heard)
        window, asked = heard[: model.window.length], method.controls(state, clip.controls)
        sample = lambda: model.sample(window, state.start, controls=asked, seed=clip.seed)  # noqa: E731
        codes, spent = still(sample())[:CODES], _least(sample)
        stages["motion"] = 1000 * spent / len(window)
        steps["motion"] = (sample, len(window))
    batch = torch.from_numpy(codes[:1]).to(method.device)
    steps["draw"] = (lambda: net.decode(state.appearance, batch), 1)
    steps["portrait (once a clip)"] = (lambda: net.encode(crop), 1)
    networks, rate = _against_the_machine(steps, method.device)
    stages["draw"] = 1000 * _least(steps["draw"][0])
    whole = 1000 * _least(lambda: method.render(state, codes)) / len(codes)
    stages["paste back"] = max(whole - stages["draw"], 0.0)
    return stages, {"networks": networks, "matmul_gflops": rate / 1e9, "latency_seconds": model.latency}


def _against_the_machine(
    steps: dict[str, tuple[Callable[[], Any], int]], device: torch.device
) -> tuple[dict[str, dict[str, float]], float]:
    one, other = (torch.randn(SIDE, SIDE, device=device) for _ in range(2))
    rate, found = 0.0, {}
    for name, (run, frames) in steps.items():
        with FlopCounterMode(display=False) as counter:
            run()
        spent = []
        for _ in range(TIMES):
            rate = max(rate, 2 * SIDE**3 / _seconds(lambda: one @ other, device))
            spent.append(_seconds(run, device))
        count = counter.get_total_flops()
        found[name] = {"gigaoperations": count / frames / 1e9, "milliseconds": 1000 * min(spent) / frames}
    for row in found.values():
        row["share"] = row["gigaoperations"] * 1e9 / (row["milliseconds"] / 1000) / rate
    return found, rate


def _seconds(run: Callable[[], Any], device: torch.device) -> float:
    clock = time.process_time if device.type == "cpu" else time.perf_counter
    began = clock()
    run()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock() - began


def _least(run: Callable[[], Any]) -> float:
    return min(_timed(run)[1] for _ in range(TIMES))


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    made = run()
    return made, time.perf_counter() - began
