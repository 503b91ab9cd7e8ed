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
    if not torch.is_grad_enabled() and maps.device.type == "cpu":
        return _gather(maps, flow, mask, endpoint_grid).to(kind)
    grid = flow.permute(0, 2, 3, 1) + rest(flow, endpoint_grid)
    maps = maps.expand(len(grid), -1, -1, -1)
    padding = "zeros" if endpoint_grid else "border"
    return (F.grid_sample(maps, grid, padding_mode=padding, align_corners=False) * mask).to(kind)


def rest(like: Tensor, endpoint_grid: bool = False) -> Tensor:
    """The points of zero flow, (h, w, 2) in [-1, 1], x before y."""
    return torch.stack(torch.meshgrid(*_axes(like, endpoint_grid), indexing="xy"), -1)


def _axes(like: Tensor, endpoint_grid: bool) -> list[Tensor]:
    """Places (w,) and (h,) of zero flow."""
    ends = [(length, 1.0 if endpoint_grid else 1 - 1 / length) for length in like.shape[:-3:-1]]
    return [torch.linspace(-end, end, length, device=like.device, dtype=like.dtype) for length, end in ends]


def _gather(maps: Tensor, flow: Tensor, mask: Tensor, endpoint_grid: bool) -> Tensor:
    """`grid_sample` times mask as sums of four rows of a table, which a CPU does on all its cores, channels last."""
    batch, _, height, width = flow.shape
    across, down = _axes(flow, endpoint_grid)
    columns = _neighbours(flow[:, 0] + across, width, zeros=endpoint_grid)
    rows = _neighbours(flow[:, 1] + down[:, None], height, zeros=endpoint_grid)
    lines = [(place * width, share * mask[:, 0]) for place, share in rows]
    places = torch.stack([line + column for line, _ in lines for column, _ in columns], -1)  # (b, h, w, 4)
    shares = torch.stack([above * beside for _, above in lines for _, beside in columns], -1)
    if len(maps) > 1:
        places += height * width * torch.arange(batch, dtype=places.dtype)[:, None, None, None]
    table = maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])  # (b h w, c), no copy of channels-last maps
    moved = F.embedding_bag(places.view(-1, 4), table, mode="sum", per_sample_weights=shares.view(-1, 4))
    return moved.view(batch, height, width, -1).permute(0, 3, 1, 2)


def _neighbours(points: Tensor, length: int, *, zeros: bool) -> list[tuple[Tensor, Tensor]]:
    """The two pixels on one axis that a point in [-1, 1] lies between, and their shares; none for those outside."""
    points = points.add(1).mul_(length).sub_(1).div_(2)
    if not zeros:
        points = points.clamp_(0, length - 1)
    low = points.floor()
    share = points.sub_(low)  # of the pixel behind
    place, before = low.int(), 1 - share
    if zeros:
        before, share = before * ((low >= 0) & (low < length)), share * ((low >= -1) & (low < length - 1))
    return [(place.clamp(0, length - 1), before), ((place + 1).clamp_(0, length - 1), share)]
