"""Networks that hear what lips do: both give lips and sound codes whose products say how well they fit.

- `Towers`: two small convolutional towers, trained so that lips fit their own sound better than the same sound a little
  earlier or later (after the loss of AVH-Align: Smeu et al., "Circumventing shortcuts in audio-visual deepfake
  detection datasets with unsupervised learning", CVPR 2025; towers after Chung and Zisserman, "Out of time", ACCVW
  2016). Real clips alone are needed.
- `Kinematics`: an MLP that says from a window of lip motion how loud four bands of the sound are at its middle.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .speech import BANDS, FPS, LIPS, STEPS

REACH = round(0.6 * FPS)  # moments by which the sound is shifted either way


@dataclass(frozen=True)
class TowersParams:
    """Sizes of `Towers`: channels inside, length of a code, share dropped in training."""

    width: int = 24
    code: int = 8
    drop: float = 0.2


class Towers(nn.Module):
    """About 13,000 weights: more learn the few people by heart."""

    def __init__(self, params: TowersParams = TowersParams()) -> None:
        super().__init__()
        self.params = params
        w, drop = params.width, params.drop
        self.lip_tower = nn.Sequential(
            nn.Dropout1d(drop),
            nn.Conv1d(2 * len(LIPS), w, 5, padding=2),
            nn.GELU(),
            nn.Dropout1d(drop),
            nn.Conv1d(w, params.code, 1),
        )
        self.sound_tower = nn.Sequential(
            nn.Dropout1d(drop),
            nn.Conv1d(BANDS, w, 5, padding=2),
            nn.GELU(),
            nn.Dropout1d(drop),
            nn.Conv1d(w, w, 2 * STEPS + 1, padding=STEPS, stride=STEPS),
            nn.GELU(),
            nn.Conv1d(w, params.code, 3, padding=1),
        )

    def lips(self, shapes: Tensor) -> Tensor:
        """(b, t, 8) standardised → codes (b, t, code)."""
        return self.lip_tower(moving(shapes).transpose(1, 2)).transpose(1, 2)

    def sound(self, mel: Tensor) -> Tensor:
        """(b, STEPS · t, BANDS) standardised → codes (b, t, code)."""
        return self.sound_tower(mel.transpose(1, 2)).transpose(1, 2)


@dataclass(frozen=True)
class KinematicsParams:
    """Sizes of `Kinematics`: units of a layer, moments in a window (odd), share dropped in training."""

    width: int = 64
    window: int = 9
    drop: float = 0.3


class Kinematics(nn.Module):
    """About 15,000 weights."""

    def __init__(self, params: KinematicsParams = KinematicsParams()) -> None:
        super().__init__()
        self.params = params
        self.mlp = nn.Sequential(
            nn.Linear(2 * len(LIPS) * params.window, params.width),
            nn.GELU(),
            nn.Dropout(params.drop),
            nn.Linear(params.width, params.width),
            nn.GELU(),
            nn.Dropout(params.drop),
            nn.Linear(params.width, 4),
        )

    def lips(self, shapes: Tensor) -> Tensor:
        """(b, t, 8) standardised → loudness (b, t, 4) to be heard."""
        reach = self.params.window // 2
        padded = F.pad(moving(shapes).transpose(1, 2), (reach, reach), mode="replicate")
        windows = padded.unfold(2, self.params.window, 1)  # b k t window
        return self.mlp(windows.permute(0, 2, 1, 3).flatten(2))

    def sound(self, mel: Tensor) -> Tensor:
        """(b, STEPS · t, BANDS) → loudness (b, t, 4) of four bands."""
        groups = mel.unflatten(2, (4, -1)).mean(-1)  # b STEPS·t 4
        return F.avg_pool1d(groups.transpose(1, 2), STEPS + 1, STEPS, STEPS // 2).transpose(1, 2)


def moving(shapes: Tensor) -> Tensor:
    """Values (b, t, k) and twice their change from the moment before: (b, t, 2k)."""
    change = F.pad(shapes[:, 1:] - shapes[:, :-1], (0, 0, 1, 0))
    return torch.cat([shapes, 2 * change], -1)


def curve(lips: Tensor, sound: Tensor, reach: int = REACH) -> Tensor:
    """Correlation of codes (b, t, c) with those of the sound by up to `reach` moments later or earlier.

    Returns:
        (b, 2 reach + 1); row `reach` is the sound of the same moment, later rows that of later moments.
    """
    time = lips.shape[1]
    lips, sound = (evened(codes) for codes in (lips, sound))
    padded = F.pad(sound, (0, 0, reach, reach))
    lags = torch.arange(2 * reach + 1)
    products = torch.stack([(lips * padded[:, lag : lag + time]).sum((1, 2)) for lag in lags.tolist()], 1)
    return products / (time - (lags - reach).abs()) / lips.shape[2]


def evened(codes: Tensor) -> Tensor:
    """(b, t, c) → every code of mean 0 and spread 1 over t."""
    return (codes - codes.mean(1, keepdim=True)) / (codes.var(1, keepdim=True) + 1e-4).sqrt()
