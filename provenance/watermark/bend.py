"""Reading a mark whose tiles are no longer even squares: perspective, and what an affine placement leaves over.

The residual is cut into overlapping windows. A carrier's value in each of them turns in phase with the window's
displacement; one displacement field with the eight parameters of a homography (to first order in its two of
perspective) is fitted to the pilots of all windows at once, and the data carriers are summed along it.
"""

from __future__ import annotations

import numpy as np

from .carriers import Carriers
from .geometry import Placement
from .residual import Spectrum

WINDOWS = 4  # along each side
_TILT = np.linspace(-0.03, 0.03, 13)  # perspective: change of scale a tile, per tile from the middle
_STEP, _FINEST = 0.012, 0.001  # tiles


def straighten(spectrum: Spectrum, carriers: Carriers, placement: Placement) -> np.ndarray:
    """Pilots and data carriers as received (p + d,), complex, at their places after the fit."""
    points = np.concatenate([carriers.pilots, carriers.data])
    values, places = _local(spectrum, placement, points)
    values = values / np.sqrt(np.mean(np.abs(values) ** 2, axis=0) + 1e-12)
    values = values * np.exp(2j * np.pi * points @ placement.shift)
    pilots = values[:, : len(carriers.pilots)] * carriers.pilot_phases.conj()
    basis = _basis(places)

    def scores(parameters: np.ndarray) -> np.ndarray:
        moved = (parameters @ basis).reshape(len(parameters), len(places), 2)
        turns = np.exp((2j * np.pi * moved @ carriers.pilots.T).astype(np.complex64))
        return np.einsum("nwp,wp->n", turns, pilots.astype(np.complex64)).real

    starts = np.zeros((len(_TILT) ** 2, len(basis)))
    starts[:, 6:] = np.stack(np.meshgrid(_TILT, _TILT), axis=-1).reshape(-1, 2)
    found = scores(starts)
    climbed = [_climb(scores, starts[index]) for index in np.argsort(-found)[:2]]
    here = max(climbed, key=lambda pair: pair[1])[0]
    moved = (here @ basis).reshape(-1, 2)
    straight = (values * np.exp(2j * np.pi * moved @ points.T)).sum(axis=0)
    power = np.sqrt(np.mean(np.abs(straight) ** 2))
    return straight / power / np.sqrt(1 + np.abs(straight / power) ** 2)


def _climb(scores, start: np.ndarray) -> tuple[np.ndarray, float]:
    """Pattern search, the parameters of perspective with half the step."""
    here, best, step = start, float(scores(start[None])[0]), _STEP
    scale = np.array([1.0, 1.0, 0.6, 0.6, 0.6, 0.6, 0.4, 0.4])
    while step > _FINEST:
        moves = np.concatenate([np.diag(scale * step), np.diag(-scale * step)])
        found = scores(here + moves)
        if found.max() > best * (1 + 1e-5):
            here, best = here + moves[found.argmax()], float(found.max())
        else:
            step /= 2
    return here, best


def _basis(places: np.ndarray) -> np.ndarray:
    """What each parameter does to every window's displacement, (8, 2 windows)."""
    x, y = places.T
    one, none = np.ones_like(x), np.zeros_like(x)
    across = np.array([one, none, x, y, none, none, x * x, x * y])
    down = np.array([none, one, none, none, x, y, x * y, y * y])
    return np.stack([across, down], axis=-1).reshape(8, -1)


def _local(spectrum: Spectrum, placement: Placement, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values complex64 (windows, carriers) and middles (windows, 2) of windows, in tiles from the picture's middle."""
    height, width = spectrum.residual.shape
    frequencies = points @ placement.matrix.T
    across, down = (
        np.exp(-2j * np.pi * np.outer(np.arange(size) - middle, frequencies[:, axis])).astype(np.complex64)
        for axis, (size, middle) in enumerate(zip((width, height), spectrum.centre, strict=True))
    )
    columns, rows = _weights(width), _weights(height).astype(np.complex64)
    values, middles = [], []
    waves = np.concatenate([across.real, across.imag], axis=1)
    for column in columns:
        inside = np.flatnonzero(column)
        real, imaginary = np.split((spectrum.residual[:, inside] * column[inside]) @ waves[inside], 2, axis=1)
        values.append(rows @ ((real + 1j * imaginary) * down))
        x = column @ np.arange(width) / column.sum()
        middles += [(x, row.real @ np.arange(height) / row.real.sum()) for row in rows]
    return np.concatenate(values), (np.array(middles) - spectrum.centre) @ placement.matrix


def _weights(size: int) -> np.ndarray:
    """Overlapping windows that sum to 1, float32 (WINDOWS, size)."""
    place = (np.arange(size) + 0.5) / size * WINDOWS - 0.5
    distance = np.abs(np.clip(place, 0, WINDOWS - 1) - np.arange(WINDOWS)[:, None])
    return np.clip(1 - distance, 0, None).astype(np.float32)
