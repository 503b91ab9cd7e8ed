"""Flow fields that move feature maps (LIA, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def sample(maps: Tensor, flow: Tensor, mask: Tensor, *, endpoint_grid: bool = False) -> Tensor:
    """Read maps at displaced points, bilinearly, times a mask.

    Args:
        maps: (b, c, h, w); or (1, c, h, w) for all samples.
        flow: (b, 2, h, w), displacement to the right and down; 2 is the side of the map.
        mask: (b, 1, h, w).
        endpoint_grid: see `LatentWarpParams`; points beyond the border then read zero, else the nearest pixel.

    Returns:
        (b, c, h, w).
    """
    kind = maps.dtype
    maps, mask, flow = maps.float(), mask.float(), flow.float()  # half precision is coarser than a pixel
    grid = flow.permute(0, 2, 3, 1) + rest(flow, endpoint_grid)
    if not torch.is_grad_enabled() and maps.device.type == "cpu":
        return _gather(maps, grid, mask, zeros=endpoint_grid).to(kind)
    maps = maps.expand(len(grid), -1, -1, -1)
    padding = "zeros" if endpoint_grid else "border"
    return (F.grid_sample(maps, grid, padding_mode=padding, align_corners=False) * mask).to(kind)


def rest(like: Tensor, endpoint_grid: bool = False) -> Tensor:
    """The points of zero flow, (h, w, 2) in [-1, 1], x before y."""
    axes = []
    for length in like.shape[:-3:-1]:
        end = 1.0 if endpoint_grid else 1 - 1 / length
        axes.append(torch.linspace(-end, end, length, device=like.device, dtype=like.dtype))
    return torch.stack(torch.meshgrid(*axes, indexing="xy"), -1)


def _gather(maps: Tensor, grid: Tensor, mask: Tensor, *, zeros: bool) -> Tensor:
    """`grid_sample` times mask as sums of four rows of a table, which a CPU does on all its cores, channels last."""
    batch, height, width, _ = grid.shape
    sides = grid.new_tensor([width, height])
    points = ((grid + 1) * sides - 1) / 2  # (b, h, w, 2), in pixels
    if not zeros:
        points = torch.minimum(points.clamp_(min=0), sides - 1)
    low = points.floor()
    far = points - low
    index, weight = [], []
    for dy in (0, 1):
        for dx in (0, 1):
            corner = low + low.new_tensor([dx, dy])
            inside = ((corner >= 0) & (corner < sides)).all(-1)
            share = (far[..., 0] if dx else 1 - far[..., 0]) * (far[..., 1] if dy else 1 - far[..., 1])
            corner = torch.minimum(corner.clamp_(min=0), sides - 1).long()
            index.append(corner[..., 1] * width + corner[..., 0])
            weight.append(share * inside * mask[:, 0])
    rows = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])  # (b h w, c), no copy of channels-last maps
    places = torch.stack(index, -1)  # (b, h, w, 4)
    if len(maps) > 1:
        places += height * width * torch.arange(batch)[:, None, None, None]
    shares = torch.stack(weight, -1).view(-1, 4)
    moved = F.embedding_bag(places.view(-1, 4), rows, mode="sum", per_sample_weights=shares)
    return moved.view(batch, height, width, -1).permute(0, 3, 1, 2)
