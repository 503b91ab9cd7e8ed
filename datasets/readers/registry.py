"""All readers by name."""

from __future__ import annotations

from . import celebahq, celebdf, deeperforensics, df40, dfdc, faceforensics, fakeavceleb, folders, talking, wild
from .layout import Layout

_MODULES = (faceforensics, celebdf, dfdc, deeperforensics, wild, fakeavceleb, df40, talking, celebahq, folders)

LAYOUTS: dict[str, Layout] = {layout.name: layout for module in _MODULES for layout in module.LAYOUTS}
NAMES = tuple(LAYOUTS)
