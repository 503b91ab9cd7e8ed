"""How many channels the networks of the StyleGAN2 family have at each size of their maps."""

from __future__ import annotations

from ...core.errors import UsageError

WIDTHS = {4: 512, 8: 512, 16: 512, 32: 512, 64: 256, 128: 128, 256: 64, 512: 32, 1024: 16}


def stages(size: int, width: float = 1.0) -> list[tuple[int, int]]:
    """(size, channels) of every map from `size` down to 4; narrow networks have multiples of 8.

    Raises:
        UsageError: `bad_config` if `size` is no power of two from 8 to 1024, or `width` not in (0, 4].
    """
    if size not in WIDTHS or size < 8:
        raise UsageError("bad_config", f"size {size} is no power of two from 8 to {max(WIDTHS)}")
    if not 0 < width <= 4:
        raise UsageError("bad_config", f"width {width} is not in (0, 4]")
    scaled = {side: max(8, 8 * round(channels * width / 8)) for side, channels in WIDTHS.items()}
    return [(side, scaled[side]) for side in sorted(scaled, reverse=True) if side <= size]
