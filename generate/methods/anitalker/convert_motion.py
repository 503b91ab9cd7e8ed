"""Official checkpoints of AniTalker's second stage under our names.

Source: X-LANCE/AniTalker 738c562 (Apache-2.0), files `stage2_*.ckpt`: a flat state dict with the model under `model.`
and its moving average under `ema_model.`, plus a leftover `x_T`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor

from ....core.errors import AssetError
from ...nets.renaming import HINT, Table
from .model import AniTalkerMotion
from .params import OFFICIAL, MotionParams

TABLE = Table(
    (
        (r"^weights$", "layer_weights"),
        (r"^down_sample(\d)", lambda found: f"downsample.{int(found[1]) - 1}"),
        (r"^speech_encoder\.encoders", "speech.blocks"),
        (r"^coarse_decoder\.encoders", "decoder.blocks"),
        (r"self_attn\.linear_pos", "attention.position"),
        (r"self_attn\.linear_q", "attention.query"),
        (r"self_attn\.linear_k", "attention.key"),
        (r"self_attn\.linear_v", "attention.value"),
        (r"self_attn\.linear_out", "attention.out"),
        (r"self_attn\.pos_bias_u", "attention.content_bias"),
        (r"self_attn\.pos_bias_v", "attention.position_bias"),
        (r"feed_forward_macaron\.w_1", "first.0"),
        (r"feed_forward_macaron\.w_2", "first.3"),
        (r"feed_forward\.w_1", "last.0"),
        (r"feed_forward\.w_2", "last.3"),
        (r"conv_module\.pointwise_conv1", "convolution.gate"),
        (r"conv_module\.depthwise_conv", "convolution.time"),
        (r"conv_module\.pointwise_conv2", "convolution.out"),
        (r"conv_module\.norm", "convolution.norm"),
        (r"norm_ff_macaron", "first_norm"),
        (r"norm_mha", "attention_norm"),
        (r"norm_conv", "convolution_norm"),
        (r"norm_ff", "last_norm"),
        (r"norm_final", "norm"),
        (r"^(?:face_)?(pose|location|scale)_(predictor|encoder)\.", r"adapter.\1.\2."),
        (r"^(adapter\..*)\.fc\.", r"\1.out."),
        (r"^init_code_proj\.0", "start"),
        (r"^encoder_direction_code", "code"),
        (r"^noisy_encoder\.0", "noisy"),
        (r"^t_encoder\.0", "time"),
        (r"^out_proj", "out"),
    )
)


def official_weights(checkpoint: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Official key → tensor of a `stage2_*.ckpt`: its moving average, or the model where there is none."""
    for prefix in ("ema_model.", "model."):
        found = {key[len(prefix) :]: value for key, value in checkpoint.items() if key.startswith(prefix)}
        if found:
            return found
    return dict(checkpoint)


def variant(official: Mapping[str, Tensor]) -> tuple[str, MotionParams]:
    """Which of the official models a checkpoint is, by the keys that it has, and its sizes.

    Raises:
        AssetError: `bad_checkpoint` if it is none.
    """
    sound = "mfcc" if "down_sample2.weight" in official else "hubert"
    full, pose = (f"{signal}_predictor.fc.bias" in official for signal in ("location", "pose"))
    name = f"{sound}_{'full_control' if full else 'pose_only' if pose else 'audio_only'}"
    out = official.get("out_proj.bias")
    if name not in OFFICIAL or out is None or out.ndim != 1 or not 0 < len(out) <= 512:
        raise AssetError("bad_checkpoint", "this is no second stage of AniTalker", HINT)
    depth = sum(bool(re.fullmatch(r"coarse_decoder\.encoders\.\d\.norm_ff\.bias", key)) for key in official)
    return name, replace(OFFICIAL[name], motion=len(out), decoder_depth=depth)


def convert(official: Mapping[str, Tensor], model: AniTalkerMotion, name: str = "AniTalker") -> dict[str, Tensor]:
    """Our state dict from official keys; see `Table.convert` for errors."""
    learned, statistics = model.state()
    return TABLE.convert(official, learned, name) | statistics
