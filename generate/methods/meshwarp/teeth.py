"""Teeth, tongue and cavity drawn from nothing but proportions, in head units, before light and colour of the face.

Widths of teeth: means of Wheeler's tables (central incisor 8.5 mm; outer eye corners stand about 90 mm apart), side
teeth narrowed as the arch turns away.
"""

from __future__ import annotations

import cv2
import numpy as np

HALF_WIDTH = 0.34  # of the drawn arch, head units
_UPPER = ((0.094, 0.0, 0.112), (0.072, 0.006, 0.098), (0.076, 0.002, 0.108), (0.056, 0.008, 0.09), (0.042, 0.012, 0.08))
_LOWER = ((0.056, 0.0, 0.095), (0.060, 0.001, 0.095), (0.066, 0.0, 0.1), (0.056, 0.008, 0.085), (0.044, 0.012, 0.08))


def _row(teeth: tuple, x: np.ndarray, y: np.ndarray, soft: float) -> tuple[np.ndarray, np.ndarray]:
    """Cover and shade of one row; y grows from the biting edge to the gum."""
    cover, shade, left = np.zeros_like(x), np.zeros_like(x), 0.0
    for width, lift, height in teeth:
        u = (np.abs(x) - left - width / 2) / (width / 2)
        v = (y - lift) / height
        taper = 1 - 0.06 * np.clip(v, 0, 1) ** 2
        corner = np.clip(0.16 - v, 0, 1) / 0.16
        side = (1 - np.abs(u) / (taper * 0.99)) * width / 2  # distance inside, head units
        bottom = v * height - 0.008 * corner * np.abs(u) ** 6
        one = np.clip(side / soft + 0.5, 0, 1) * np.clip(bottom / soft + 0.5, 0, 1)
        tone = (1 - 0.13 * u**2 - 0.05 * u**6) * (1 - 0.1 * np.clip(v - 0.5, 0, 1))
        tone *= 0.9 + 0.1 * np.clip(v / 0.3, 0, 1)  # thin edges let light through
        shade = np.where(one > cover, tone, shade)
        cover = np.maximum(cover, one)
        left += width
    return cover, shade


def arch(upper: bool, per_unit: float) -> tuple[np.ndarray, np.ndarray]:
    """One row of teeth with its gum: albedo (h, w, 3) and cover (h, w), float32.

    The texture spans ± `HALF_WIDTH` along the mouth, and across it from 0.04 beyond the biting edge to 0.2 head units
    towards the gum (up for the upper row, down for the lower).
    """
    n, m = round(0.24 * per_unit), round(2 * HALF_WIDTH * per_unit)
    x = (np.arange(m) + 0.5) / per_unit - HALF_WIDTH
    y = 0.2 - (np.arange(n) + 0.5) / per_unit
    x, y = np.meshgrid(x, y)
    bent = y + (-0.16 if upper else -0.06) * x**2  # the edge's own arc
    soft = max(1.5 / per_unit, 0.006)
    cover, shade = _row(_UPPER if upper else _LOWER, x, bent, soft)
    gum_line = 0.105 if upper else 0.085
    scallop = gum_line + 0.012 * np.cos(2 * np.pi * np.abs(x) / 0.08)
    gum = np.clip((bent - scallop) / 0.012 + 0.5, 0, 1)[..., None]
    enamel = np.array((1.0, 0.955, 0.87), np.float32) * shade[..., None]
    gap = np.array((0.5, 0.4, 0.34), np.float32)
    between = np.clip((bent - 0.012) / 0.02, 0, 1) * np.clip((HALF_WIDTH - 0.03 - np.abs(x)) / 0.02, 0, 1)
    albedo = enamel * cover[..., None] + gap * (1 - cover[..., None])
    albedo = albedo * (1 - gum) + np.array((0.78, 0.46, 0.44), np.float32) * gum
    turn = 1 - 0.75 * np.clip(np.abs(x) / HALF_WIDTH, 0, 1) ** 2.2  # the arch turns away from the light
    cover = np.maximum(cover, between)
    cover = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), soft * per_unit * 0.5)
    albedo = cv2.GaussianBlur((albedo * turn[..., None]).astype(np.float32), (0, 0), soft * per_unit * 0.5)
    return (albedo, cover) if upper else (albedo[::-1].copy(), cover[::-1].copy())
