"""Residual and spectral measures of a face, frame by frame: what its texture is made of, and whether it renews itself.

A camera writes every frame anew: sensor noise, shading and skin differ from one to the next, in the face as around it.
A picture that is warped into motion carries one texture along. Each frame gives three kinds of numbers:

- `face.*`, `mouth.*`, `around.*`: one frame's high-pass residuals (after Fridrich and Kodovský, "Rich models for
  steganalysis of digital images", TIFS 2012), radial Fourier power (Durall et al., "Watch your up-convolution", CVPR
  2020) and DCT bands, in an upright crop at one scale;
- `mouth-face.*`, `face-around.*`: the same as differences within the picture, which camera and lens share;
- `skin.*`, `lips.*`, `still.*`: the face unwrapped and registered against itself a moment ago, and the background
  against its own past: how much of each band is new.
"""

from __future__ import annotations

import itertools
from collections import deque
from functools import cache

import cv2
import numpy as np

from ..canonical import SKIN_HEIGHT, SKIN_WIDTH, lips_mask, region_masks, skin_mask, unwrap, upright

VERSION = "2"  # of the measures: weights of another version do not fit
LAGS = (1, 4, 12)  # samples
_SRM = (
    np.array([[0, 0, 0], [0, -1, 1], [0, 0, 0]], np.float32),
    np.array([[0, 0, 0], [1, -2, 1], [0, 0, 0]], np.float32) / 2,
    np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]], np.float32) / 4,
)
_FFT, _RINGS = 64, 6
_GROUND = 640  # px: longer side of the picture where its background is compared
_TINY = 1e-3
_SPATIAL = tuple(
    [f"{kind}{n}" for n in range(len(_SRM)) for kind in ("srm-level", "srm-tail")]
    + [f"fft{n}" for n in range(_RINGS)]
    + [f"dct{n}" for n in range(1, 5)]
)
_BANDS = ("fine", "middle", "coarse")
_TEMPORAL = tuple(
    [f"skin.new-{band}@{lag}" for lag in LAGS for band in _BANDS]
    + [f"skin.shade@{lag}" for lag in LAGS]
    + [f"lips-skin.new-{band}@1" for band in _BANDS]
    + [f"{where}.new-{band}@{lag}" for lag in LAGS[:2] for where in ("still", "skin-still") for band in _BANDS[:2]]
)
NAMES: tuple[str, ...] = (
    *(f"{part}.{name}" for part in ("face", "mouth", "around", "mouth-face", "face-around") for name in _SPATIAL),
    *_TEMPORAL,
)


_Moment = tuple[np.ndarray, list[np.ndarray], np.ndarray]  # unwrapped skin, background bands, the head's box


def around(name: str) -> bool:
    """Whether a measure looks beyond the face."""
    return "around" in name or "still" in name


class FeatureStream:
    """Frames of one face in, one row of `NAMES` a frame out, once the longest lag has passed; holds 12 frames.

    Args:
        surroundings: False leaves out, as NaN, what looks beyond the face, and saves a third of the time.
    """

    def __init__(self, *, surroundings: bool = True) -> None:
        self._past: deque[_Moment] = deque(maxlen=max(LAGS))
        self._surroundings = surroundings

    def push(self, luma: np.ndarray, landmarks: np.ndarray) -> np.ndarray | None:
        """The next frame.

        Args:
            luma: float32 (H, W), 0 to 255.
            landmarks: (478, 3) pixels.

        Returns:
            float32 (len(NAMES),), NaN where a measure has nothing to see; None before the longest lag has passed.
        """
        skin = unwrap(luma, landmarks)
        ground, box = _background(luma, landmarks) if self._surroundings else ([], np.zeros(4))
        now = (skin, ground, box)
        row = None
        if len(self._past) == self._past.maxlen:
            spatial = _spatial(luma, landmarks, self._surroundings)
            row = np.concatenate([spatial, _temporal(now, self._past)]).astype(np.float32)
        self._past.append(now)
        return row


def _spatial(luma: np.ndarray, landmarks: np.ndarray, surroundings: bool) -> np.ndarray:
    crop, points = upright(luma, landmarks)
    seen = np.isfinite(crop)
    crop = np.where(seen, crop, np.mean(crop[seen])) if seen.any() else np.zeros_like(crop)
    seen = cv2.erode(seen.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    residuals = [cv2.filter2D(crop, -1, kernel) for kernel in _SRM]
    masks = region_masks(points, surroundings)
    face, mouth, beyond = (_texture(crop, residuals, masks[part] & seen) for part in ("face", "mouth", "around"))
    return np.concatenate([face, mouth, beyond, mouth - face, face - beyond])


def _texture(crop: np.ndarray, residuals: list[np.ndarray], mask: np.ndarray) -> np.ndarray:
    """The `_SPATIAL` numbers of one region of a crop."""
    if mask.sum() < 300:
        return np.full(len(_SPATIAL), np.nan)
    numbers = []
    for residual in residuals:
        size = np.abs(residual[mask])
        level = float(np.sqrt(np.mean(size**2)))
        numbers += [np.log(level + _TINY), np.log((level + _TINY) / (float(size.mean()) + _TINY))]

    ys, xs = np.nonzero(mask)
    top, left = ys.min(), xs.min()
    cut, inside = crop[top : ys.max() + 1, left : xs.max() + 1], mask[top : ys.max() + 1, left : xs.max() + 1]
    window = cv2.GaussianBlur(cv2.erode(inside.astype(np.float32), np.ones((5, 5))), (0, 0), 2) * inside
    flat = (cut - (cut * window).sum() / max(window.sum(), 1e-6)) * window
    power = np.zeros((_FFT, _FFT // 2 + 1))
    for y in range(0, cut.shape[0], _FFT):
        for x in range(0, cut.shape[1], _FFT):
            power += np.abs(np.fft.rfft2(flat[y : y + _FFT, x : x + _FFT], (_FFT, _FFT))) ** 2
    rings = np.bincount(_rings().ravel(), power.ravel(), _RINGS + 1)[:_RINGS]
    numbers += list(np.log(rings / max(rings.sum(), 1e-9) + 1e-7))

    height, width = (side // 8 * 8 for side in cut.shape)
    blocks = cut[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 8, 8)
    whole = inside[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2).reshape(-1, 64).mean(1) > 0.8
    size = np.abs(_dct() @ blocks[whole] @ _dct().T).mean(0) if whole.any() else np.full((8, 8), np.nan)
    diagonal = np.add.outer(np.arange(8), np.arange(8))
    numbers += [np.log(size[(diagonal > low) & (diagonal <= low + 3)].mean() + _TINY) for low in (0, 3, 6, 9)]
    return np.array(numbers)


def _temporal(now: _Moment, past: deque[_Moment]) -> np.ndarray:
    skin, ground, box = now
    mask, lips = skin_mask(), lips_mask()
    bands = _bands(skin)
    skins, shades, mouths, stills = [], [], [], []
    for lag in LAGS:
        before, ground_before, box_before = past[-lag]
        moved = _register(before, skin)
        old = _bands(moved)
        fresh = [_new(a[mask], b[mask]) for a, b in zip(bands, old, strict=True)]
        skins += fresh
        shades.append(_shade(skin, moved, mask))
        if lag == 1:
            mouths = [_new(a[lips], b[lips]) - new for a, b, new in zip(bands, old, fresh, strict=True)]
        if lag < max(LAGS):
            still = _still(ground, box, ground_before, box_before)
            stills += [*still, *(a - b for a, b in zip(fresh, still, strict=False))]
    return np.array([*skins, *shades, *mouths, *stills])


def _bands(image: np.ndarray) -> list[np.ndarray]:
    """Differences of Gaussians, fine to coarse."""
    blurred = [image, *(cv2.GaussianBlur(image, (0, 0), sigma) for sigma in (1.0, 2.0, 4.0))]
    return [sharp - soft for sharp, soft in itertools.pairwise(blurred)]


def _register(moving: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """`moving` brought onto `fixed` by dense flow: takes out what the landmarks missed by a pixel or two."""
    a, b = (np.clip(image, 0, 255).astype(np.uint8) for image in (fixed, moving))
    flow = _flow().calc(a, b, None)  # pyright: ignore[reportCallIssue, reportArgumentType]  (None: no first guess)
    flow = cv2.GaussianBlur(flow, (0, 0), 3)
    y, x = np.mgrid[:SKIN_HEIGHT, :SKIN_WIDTH].astype(np.float32)
    return cv2.remap(moving, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)


def _shade(now: np.ndarray, before: np.ndarray, mask: np.ndarray) -> float:
    """Log of how much light moved over the skin, as a share of its brightness; a change of exposure does not count."""
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 6) + 1e-3
    a, b = (cv2.GaussianBlur(np.where(mask, image, 0), (0, 0), 6) / weight for image in (now, before))
    ratio = (a[mask] + 1) / (b[mask] + 1)
    return float(np.log(np.std(ratio / np.median(ratio)) + 1e-3))


def _background(luma: np.ndarray, landmarks: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Fine and middle band of the picture above the chin, and the box (x0, y0, x1, y1) that the head fills in them."""
    (x0, y0), (x1, y1) = landmarks[:, :2].min(0), landmarks[:, :2].max(0)
    width, height = x1 - x0, y1 - y0
    scale = min(1.0, _GROUND / max(luma.shape))
    small = cv2.resize(luma, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else luma
    box = np.array([x0 - 0.35 * width, y0 - 0.45 * height, x1 + 0.35 * width, y1 + 0.1 * height]) * scale
    return _bands(small)[:2], box


def _still(now: list[np.ndarray], box: np.ndarray, before: list[np.ndarray], box_before: np.ndarray) -> list[float]:
    """Log share of the background's fine and middle band that is new; NaN where the head fills the picture."""
    if not now:
        return [np.nan, np.nan]
    x0, y0, x1, y1 = np.concatenate([np.minimum(box, box_before)[:2], np.maximum(box, box_before)[2:]])
    mask = np.ones(now[0].shape, bool)
    mask[max(0, int(y0)) :, max(0, int(x0)) : max(0, int(np.ceil(x1)))] = False
    mask[max(0, int(y1)) :] = False  # neck, shoulders, hands
    if mask.sum() < 1000 or now[0].shape != before[0].shape:
        return [np.nan, np.nan]
    return [_new(a[mask], b[mask]) for a, b in zip(now, before, strict=True)]


def _new(now: np.ndarray, before: np.ndarray) -> float:
    """Log share of a band that is not what it was: 0 for two unrelated textures, -9 for one that stayed."""
    return float(np.log(((now - before) ** 2).mean() / ((now**2).mean() + (before**2).mean() + _TINY) + 1e-4))


@cache
def _flow() -> cv2.DISOpticalFlow:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)


@cache
def _rings() -> np.ndarray:
    """Ring of each Fourier coefficient, from 0.03 cycles a pixel up; `_RINGS` for what lies outside."""
    fy, fx = np.fft.fftfreq(_FFT)[:, None], np.fft.rfftfreq(_FFT)[None]
    ring = np.floor((np.hypot(fy, fx) - 0.03) / (0.47 / _RINGS)).astype(int)
    return np.where((ring >= 0) & (ring < _RINGS), ring, _RINGS)


@cache
def _dct() -> np.ndarray:
    k, n = np.arange(8)[:, None], np.arange(8)[None]
    return np.cos(np.pi * (2 * n + 1) * k / 16) * np.where(k == 0, np.sqrt(1 / 8), 0.5)
