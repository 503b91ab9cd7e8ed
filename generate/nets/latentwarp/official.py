"""Names of LIA's official checkpoints, which AniTalker's and IF-MDM's extend, as ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ....core.errors import AssetError, UsageError
from ..fir import KERNEL
from ..renaming import HINT, Table
from .net import LatentWarp
from .params import LatentWarpParams

TABLE = Table(
    substitutions=(
        (r"^enc\.net_app\.convs\.(\d+)\.weight$", r"encoder.head.weight"),
        (r"^enc\.net_app\.convs\.0\.[01]\.", r"encoder.stages.0."),
        (r"^enc\.net_app\.convs\.(\d+)\.(conv[12]|skip)\.\d\.", r"encoder.stages.\1.\2."),
        (r"^enc\.net_app\.fc(\d)\.", lambda match: f"encoder.lift.{int(match[1]) - 1}."),
        (r"^enc\.net_app\.ws\.weights$", r"encoder.mix"),
        (r"^enc\.net_decouping\.identity_net\.", r"heads.identity."),
        (r"^enc\.net_decouping\.identity_net_density\.", r"heads.density."),
        (r"^enc\.net_decouping\.identity_excluded_net\.", r"heads.motion."),
        (r"^enc\.fc\.", r"motion_head."),
        (r"^dec\.direction\.weight$", r"directions"),
        (r"^dec\.input\.input$", r"decoder.constant"),
        (r"^dec\.conv1\.", r"decoder.start."),
        (
            r"^dec\.convs\.(\d+)\.",
            lambda match: f"decoder.scales.{int(match[1]) // 2}.{('up', 'conv')[int(match[1]) % 2]}.",
        ),
        (r"^dec\.to_flows\.(\d+)\.conv_gen\.", r"decoder.scales.\1.fill."),
        (r"^dec\.to_flows\.(\d+)\.(?:conv\.)?", r"decoder.scales.\1.flow."),
        (r"^dec\.to_rgbs\.(\d+)\.conv\.\d\.", r"decoder.scales.\1.colours.conv."),
        (r"^dec\.to_rgbs\.(\d+)\.bias$", r"decoder.scales.\1.colours.bias"),
        (r"^dec\.refine_block\.convs\.(\d)\.", lambda match: f"decoder.refine.convs.{int(match[1]) // 2}."),
        (r"^dec\.refine_block\.final_conv\.", r"decoder.refine.convs.3."),
        (r"^(decoder\..*)\.(?:conv\.)?modulation\.", r"\1.style."),
        (r"^(decoder\.(?:start|scales\.\d+\.(?:up|conv)))\.(?:conv|activate)\.", r"\1."),
    ),
    unused=(r"^dec\.to_rgb1\.", r"^dec\..*noise\.weight$"),
    constants=((r"^enc\..*\.kernel$", KERNEL), (r"\.kernel$", 4 * KERNEL)),
)


def load_official(official: Mapping[str, Tensor], name: str, *, tanh: bool = False) -> LatentWarp:
    """The network an official checkpoint belongs to, with its weights; sizes and options are read off the keys.

    Args:
        official: official key → tensor.
        name: what to call the checkpoint in messages.
        tanh: whether motion codes are squashed, the one option that no key tells.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    directions = official.get("dec.direction.weight")
    flows = [key for key in official if re.fullmatch(r"dec\.to_flows\.\d+\.bias", key)]
    if directions is None or directions.ndim != 2:
        raise AssetError("bad_checkpoint", f"{name} has no motion directions", HINT)
    try:
        params = LatentWarpParams(
            size=4 << len(flows[:10]),
            style=directions.shape[0],
            motion=directions.shape[1],
            hal="enc.net_app.ws.weights" in official,
            decouple="enc.net_decouping.identity_net.0.weight" in official,
            tanh=tanh,
            fill="dec.to_flows.0.conv_gen.weight" in official,
            refine="dec.refine_block.final_conv.weight" in official,
            endpoint_grid=True,
        )
    except UsageError as error:
        raise AssetError("bad_checkpoint", f"{name} does not fit: {error}", HINT) from error
    with torch.device("meta"):
        net = LatentWarp(params)
    table = replace(TABLE, unused=(*TABLE.unused, r"^enc\.fc\.4\.bias$")) if tanh else TABLE
    net.load_state_dict(table.convert(official, net.state_dict(), name), assign=True)
    return net.requires_grad_(True).eval()
