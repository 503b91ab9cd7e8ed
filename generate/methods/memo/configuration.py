"""Sizes of MEMO's networks from the configurations and tensors that were published.

What a configuration says is read; where it asks for something that these networks do not do, it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ...nets.ldm.unet import UNetParams
from .params import AudioProjectionParams, TemporalParams

MOST = 64  # heads, layers of a block, levels: they bound what a configuration can ask for
FIXED = {  # options of the official classes that are not options here
    "center_input_sample": False,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "act_fn": "silu",
    "norm_num_groups": 32,
    "use_linear_projection": False,
    "dual_cross_attention": False,
    "only_cross_attention": False,
    "resnet_time_scale_shift": "default",
    "mid_block_scale_factor": 1,
    "use_inflated_groupnorm": True,
    "unet_use_cross_frame_attention": False,
    "unet_use_temporal_attention": False,
}


def refuse_others(config: Mapping[str, Any]) -> None:
    """ValueError for a network that is built in another way."""
    for option, value in FIXED.items():
        if config.get(option, value) not in (value, None):
            raise ValueError(f"{option} {config[option]}")


def audio_params(official: Mapping[str, Tensor]) -> AudioProjectionParams:
    """Sizes of the projection of sound; states and layers cannot be told from its file: they are the official ones."""
    plain = AudioProjectionParams()
    (width, heard), audio = official["proj1.weight"].shape, len(official["norm.weight"])
    tokens, channels = len(official["proj3.bias"]) // audio, heard // (plain.window * plain.layers)
    return AudioProjectionParams(channels=channels, width=width, tokens=tokens, audio=audio)


def unet_params(config: Mapping[str, Any]) -> UNetParams:
    """Sizes of a U-Net from its configuration; what it leaves out is as in Stable Diffusion."""
    plain = UNetParams()
    return UNetParams(
        widths(config, plain.widths),
        few(config.get("layers_per_block", plain.depth)),
        few(config.get("attention_head_dim", plain.heads)),  # what diffusers calls so is the number of heads
        config.get("cross_attention_dim", plain.context),
        config.get("in_channels", plain.channels),
    )


def temporal_params(options: Mapping[str, Any]) -> TemporalParams:
    """Sizes of the temporal modules from `motion_module_kwargs`.

    Raises:
        ValueError: for attention over anything but time.
    """
    kinds = options["attention_block_types"]
    if set(kinds) != {"Temporal_Self"}:
        raise ValueError(f"attention of the kinds {', '.join(kinds)}")
    return TemporalParams(
        blocks=few(options["num_transformer_block"]),
        attentions=few(len(kinds)),
        heads=few(options["num_attention_heads"]),
        narrowing=few(options.get("temporal_attention_dim_div", 1)),
        positions=options["temporal_position_encoding"],
    )


def few(count: Any) -> int:
    """A number that a configuration may give.

    Raises:
        ValueError.
    """
    if not isinstance(count, int) or not 0 < count <= MOST:
        raise ValueError(f"{count!r} is no number from 1 to {MOST}")
    return count


def widths(config: Mapping[str, Any], plain: tuple[int, ...]) -> tuple[int, ...]:
    """Channels of all levels; ValueError where they are none."""
    found = tuple(config.get("block_out_channels", plain))
    if few(len(found)) < 2 or not all(isinstance(width, int) and 0 < width <= MOST**2 for width in found):
        raise ValueError(f"levels of {found} channels")
    return found
