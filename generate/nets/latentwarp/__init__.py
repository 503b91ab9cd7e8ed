"""The latent-warp auto-encoder: a portrait becomes a code and feature maps, a short motion code per frame warps them.

The base is LIA (Wang et al. 2022); options add what AniTalker (Liu et al. 2024), IF-MDM (2024) and INFP (2025) changed.
"""

from .hybrid import hybrid_picture
from .net import Appearance, Decoded, LatentWarp, relative_motion
from .params import LatentWarpParams

__all__ = ["Appearance", "Decoded", "LatentWarp", "LatentWarpParams", "hybrid_picture", "relative_motion"]
