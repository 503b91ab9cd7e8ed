"""What MEMO's ways to save time and memory bring: ratios of processor time in one process, with random networks.

    python benchmarks/diffusion.py

Times are of the processor, one thread, the least of three, so that they hold on a machine with other work. The networks
have a fifth of the published channels; the ratios of larger ones differ, on a GPU most of all.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable

import torch
from facewright.generate.ldm.memory import TILE
from facewright.generate.methods.memo.clips import conditions
from facewright.generate.methods.memo.model import DiffusionNet, rows, split
from facewright.generate.methods.memo.params import MemoParams, TemporalParams
from facewright.generate.methods.memo.reference import ReferenceNet
from facewright.generate.nets.ldm.unet import UNetParams
from facewright.generate.nets.ldm.vae import VAE, VAEParams
from header import header

PARAMS = MemoParams(UNetParams((64, 128, 256, 256), heads=4, context=128), 128, TemporalParams(1, 2, 4))
FRAMES, SIDE = 8, 32


def least(work: Callable[[], object]) -> float:
    """Seconds of the processor, the least of three."""
    found = []
    for _ in range(3):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return min(found)


@torch.inference_mode()
def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net, look = DiffusionNet(PARAMS).eval(), ReferenceNet(PARAMS.unet).eval()
    face, sound = torch.randn(2, 4, 128), torch.randn(FRAMES, 8, 128)
    bank, past = split(look(torch.randn(2 * 17, 4, SIDE, SIDE), face.repeat_interleave(17, 0)), 2)
    memory, reference = net.remember(past), net.look(bank)

    def step(net: DiffusionNet, passes: list[int], again: bool = False) -> Callable[[], torch.Tensor]:
        told, count = conditions(face, sound, 1, passes), len(passes)
        held = rows(memory, [0] * told.alone + [1] * (count - told.alone))
        x, t = torch.randn(count, 4, FRAMES, SIDE, SIDE), torch.full((count,), 500.0)
        return lambda: net(x, t, told, net.look(bank) if again else reference, held)

    plain = least(step(net, [0, 3]))
    figures: dict[str, float] = {"seconds_of_a_step_of_two_passes": plain}
    figures["reference_keys_at_every_step"] = least(step(net, [0, 3], again=True)) / plain
    figures["four_passes"] = least(step(net, [0, 1, 2, 3])) / plain
    figures["one_pass"] = least(step(net, [3])) / plain
    torch.manual_seed(1)
    exact = step(net, [0, 3])()
    torch.manual_seed(1)
    work = step(net, [0, 3])
    with torch.autocast("cpu", torch.bfloat16):
        figures["bfloat16"] = least(work) / plain
        figures["bfloat16_differs_by"] = float((work().float() - exact).std() / exact.std())
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    figures["channels_last"] = least(step(net, [0, 3])) / plain

    vae, latent = VAE(VAEParams()).eval(), torch.randn(1, 4, 64, 64)
    before = peak()
    vae.net.enable_tiling()
    vae.net.tile_sample_min_size, vae.net.tile_latent_min_size = TILE, TILE // vae.params.stride
    tiles, small = least(lambda: vae.decode(latent)), peak()
    picture = vae.decode(latent)
    vae.net.disable_tiling()
    whole = least(lambda: vae.decode(latent))
    figures |= {"decoding_512_seconds": whole, "decoding_512_megabytes": peak() - before}
    figures |= {"tiles": tiles / whole, "tiles_megabytes": small - before}
    figures["tiles_differ_by_of_255"] = float((vae.decode(latent) - picture).abs().mean() * 127.5)
    print(json.dumps(header() | {name: round(value, 4) for name, value in figures.items()}, indent=2))


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
