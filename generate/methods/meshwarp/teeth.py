"""Teeth, tongue and cavity drawn from nothing but proportions, in head units, before light and colour of the face.

Widths of teeth: means of Wheeler's tables (central incisor 8.5 mm; outer eye corners stand about 90 mm apart), side
teeth narrowed as the arch turns away.
"""

from __future__ import annotations

import cv2
import numpy as np

HALF_WIDTH = 0.34  # of the drawn arch, head units
# from the middle outwards: width, lift of the biting edge, height, tone
_UPPER = np.array(
    (
        (0.094, 0.0, 0.112, 1.0),
        (0.073, 0.007, 0.098, 0.97),
        (0.075, 0.003, 0.108, 0.93),
        (0.056, 0.01, 0.09, 0.9),
        (0.042, 0.014, 0.08, 0.88),
    )
)
_LOWER = np.array(
    (
        (0.055, 0.0, 0.095, 0.98),
        (0.061, 0.002, 0.095, 1.0),
        (0.067, -0.002, 0.1, 0.95),
        (0.056, 0.008, 0.085, 0.92),
        (0.101, 0.012, 0.08, 0.9),
    )
)
_LINE = 0.14  # how much darker it is between two teeth: little, for enamel lets light through
_NOTCH = 0.008  # head units that a tooth's corners are rounded by


def _row(teeth: np.ndarray, x: np.ndarray, y: np.ndarray, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """Cover and shade of one row, a bright band with a notched edge; y grows from the biting edge to the gum."""
    ends = teeth[:, 0].cumsum()
    which = np.minimum(np.searchsorted(ends, np.abs(x)), len(teeth) - 1)
    width, lift, height, tone = teeth[which].transpose(2, 0, 1)
    u = 2 * (ends[which] - np.abs(x)) / width - 1  # -1 to 1 across a tooth
    v = (y - lift) / height
    line = _LINE * np.exp(-(((1 - np.abs(u)) * width / 2 / soft) ** 2)) * np.clip((v - 0.1) / 0.4, 0, 1)
    shade = tone * (1 - 0.05 * u**2 - line) * (1 - 0.1 * np.clip(v - 0.5, 0, 1))
    shade *= 0.92 + 0.08 * np.clip(v / 0.3, 0, 1)  # thin edges let light through
    return np.clip((y - lift - _NOTCH * np.abs(u) ** 6) / soft + 0.5, 0, 1), shade


def arch(upper: bool, per_unit: float, bow: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """One row of teeth with its gum: albedo (h, w, 3) and cover (h, w), float32.

    The texture spans ± `HALF_WIDTH` along the mouth, and across it from 0.04 beyond the biting edge to 0.2 head units
    towards the gum (up for the upper row, down for the lower).

    Args:
        upper: which row.
        per_unit: pixels a head unit.
        bow: how the edge follows the lips: it comes down by bow * x² at x along the mouth, head units.
    """
    n, m = round(0.24 * per_unit), round(2 * HALF_WIDTH * per_unit)
    x = (np.arange(m) + 0.5) / per_unit - HALF_WIDTH
    y = 0.2 - (np.arange(n) + 0.5) / per_unit
    x, y = np.meshgrid(x, y)
    bent = (
        y + (-0.16 if upper else -0.06) * x**2 + 0.0015 * np.sin(23 * x)
    )  # the edge's own arc; no two sides are alike
    soft = max(1.5 / per_unit, 0.006)
    cover, shade = _row(_UPPER if upper else _LOWER, x, bent, soft)
    gum_line = 0.105 if upper else 0.085
    scallop = gum_line + 0.012 * np.cos(2 * np.pi * np.abs(x) / 0.08)
    gum = np.clip((bent - scallop) / 0.012 + 0.5, 0, 1)[..., None]
    albedo = np.array((1.0, 0.955, 0.87), np.float32) * shade[..., None]
    albedo = albedo * (1 - gum) + np.array((0.78, 0.46, 0.44), np.float32) * gum
    albedo /= (1 + (x / 0.23) ** 4)[..., None]  # the arch turns away from the light, into the shadow of the cheeks
    cover = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), soft * per_unit * 0.5)
    albedo = cv2.GaussianBlur(albedo.astype(np.float32), (0, 0), soft * per_unit * 0.5)
    return (albedo, cover) if upper else (albedo[::-1].copy(), cover[::-1].copy())
