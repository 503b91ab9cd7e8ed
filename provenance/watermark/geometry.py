"""Finding the mark after the picture was mirrored, turned, scaled, rotated, cropped or shifted.

A placement of the tiles is a matrix M (2, 2), which takes a carrier's cycles per tile to cycles per px of the picture
that is read, and a shift d (2,) in tiles. Its score is the correlation of the pilots with the spectrum, limited so that
no carrier dominates, in standard deviations:

    z = sum Re(u conj(p) exp(2 pi i k d)) / sqrt(sum |u|^2 / 2),   u = F(M k) / sqrt(1 + |F(M k)|^2)

The phases p of the pilots know nothing of an unmarked picture, so whatever it shows P(z >= x) <= exp(-x^2 / 2) over the
draw of the key (Chernoff's bound; E exp(t cos) = I0(t) <= exp(t^2 / 4)). `read` builds its p-value on that, times the
number of placements tried. What refinement gains beyond the lattice serves the decoder alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from .carriers import TILES, Carriers
from .residual import Spectrum

GRID = 64  # shifts tried along a tile; 2 * FINEST would be the least
_BATCH = 256
_KEPT = 6  # placements of a stage that are refined
STAGES = 4

# Steps of the search are those that a picture four to seven tiles wide tolerates.
_SCALES = np.exp(np.arange(np.log(0.5), np.log(2.1), 0.006))  # of the tile, against the picture as a whole
_NEAR = np.exp(np.arange(-0.12, 0.1201, 0.006))
_LEAN = np.deg2rad(np.arange(0.35, 2.2, 0.35))
_PEAKS = 12  # ways in which the picture repeats itself that are looked into
_AROUND = [(0.0, 0.0), (-0.004, 0.0), (0.004, 0.0), (0.0, -0.004), (0.0, 0.004)]  # size, angle


class Trial(NamedTuple):
    """A matrix M, and its right-angle part: quarter turns clockwise, after mirroring left to right."""

    matrix: np.ndarray
    turns: int
    flipped: bool


@dataclass(frozen=True)
class Placement:
    """Where the tiles lie.

    Attributes:
        matrix: M as above.
        shift: d as above, from the spectrum's centre.
        z: highest score of the pilots on the lattice that was searched.
        refined: score at this placement.
        turns: see `Trial`.
        flipped: see `Trial`.
    """

    matrix: np.ndarray
    shift: np.ndarray
    z: float
    refined: float
    turns: int
    flipped: bool


def correlate(spectrum: Spectrum, matrices: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Limited carrier values u, complex64 (n, k), for n matrices and k carriers."""
    values = spectrum.at(points @ matrices.transpose(0, 2, 1))
    return values / np.sqrt(1 + np.abs(values) ** 2)


def stages(spectrum: Spectrum, short_side: float) -> Iterator[list[Trial]]:
    """What to try: the picture as it is; wherever it repeats itself; scaled; scaled and rotated a little.

    What is tried follows from the picture, never from the key, as the bound above wants.
    """
    tile = short_side / TILES
    right = [(_turn(turns, flipped), turns, flipped) for flipped in (False, True) for turns in range(4)]
    upright = [each for each in right if each[1] == 0]

    def trials(places: Iterable[np.ndarray], ways: list[tuple[np.ndarray, int, bool]]) -> list[Trial]:
        return [Trial(place @ rigid, turns, flipped) for place in places for rigid, turns, flipped in ways]

    yield trials([np.eye(2) / tile], right)
    peaks = repetitions(spectrum, short_side)
    yield trials([_rotation(turn) @ peak * (1 + size) for peak in peaks for size, turn in _AROUND], right)
    yield trials([np.eye(2) / (tile * scale) for scale in _SCALES], right)
    yield trials(
        [_rotation(angle) / (tile * scale) for scale in _NEAR for lean in _LEAN for angle in (lean, -lean)], upright
    )


@lru_cache(maxsize=1)  # several keys may be asked for
def repetitions(spectrum: Spectrum, short_side: float) -> list[np.ndarray]:
    """Matrices M of tiles that the residual seems to repeat in, likeliest first, up to quarter turns and mirroring.

    The mark is the same in every tile, so the autocorrelation of the residual peaks wherever a tile falls on another.
    Square tiles of every size and angle are tried; the best of them are then let become parallelograms.
    """
    likeness, middle = spectrum.comb(short_side, (float(_SCALES[0]), float(_SCALES[-1])))
    steps = np.array([(x, y) for y in range(5) for x in range(-4, 5) if (y > 0 or x > 0) and x * x + y * y <= 17])

    def scores(tiles: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """For tiles (n, 2, 2), sides in columns."""
        moves = steps @ tiles.transpose(0, 2, 1)
        overlap = np.clip(1 - np.abs(moves) / spectrum.extent, 0, None).prod(axis=-1)
        place = (moves + middle).astype(np.float32)
        found = cv2.remap(likeness, place[..., 0], place[..., 1], cv2.INTER_LINEAR)
        return (found * overlap).sum(axis=-1) / np.sqrt((overlap**2).sum(axis=-1) + 1e-3)

    sizes = np.exp(np.arange(np.log(_SCALES[0]), np.log(_SCALES[-1]), 0.01)) * short_side / TILES
    turns = np.arange(128) * np.pi / 2 / 128
    tiles = np.stack([_rotation(turn) * size for size in sizes for turn in turns])
    found: list[tuple[float, np.ndarray]] = []
    for some in (steps, steps[(steps**2).sum(axis=1) <= 2]):  # the nearest tiles bear more that is not square
        grid = scores(tiles, some).reshape(len(sizes), -1)
        around = np.concatenate([grid[:, -1:], grid, grid[:, :1]], axis=1)  # a quarter turn on, all is the same
        peak = grid >= cv2.dilate(around, np.ones((3, 3), np.uint8))[:, 1:-1]
        order = np.argsort(-np.where(peak, grid, -np.inf), axis=None)[:_PEAKS]
        found += [_climbed(lambda tiles: scores(tiles, steps), tiles[index]) for index in order]
    distinct: list[np.ndarray] = []
    ranked = [tile for _, tile in sorted(found, key=lambda pair: -pair[0])]
    halves = np.array([[0.5, -0.5], [0.5, 0.5]])  # the diagonals of a tile may have been taken for its sides
    for tile in [*ranked[:2], ranked[0] @ halves, ranked[1] @ halves, *ranked[2:]]:
        if all(np.abs(tile - other).max() > 0.3 for other in distinct):
            distinct.append(tile)
    return [np.linalg.inv(tile).T for tile in distinct[:_PEAKS]]


def _climbed(scores: Callable[[np.ndarray], np.ndarray], tile: np.ndarray) -> tuple[float, np.ndarray]:
    """A tile changed in size, stretch, angle and shear for as long as its score rises."""
    changes = np.array([[[1, 0], [0, 1]], [[1, 0], [0, -1]], [[0, -1], [1, 0]], [[0, 1], [1, 0]]])
    changes = np.concatenate([changes, -changes])
    best, step = float(scores(tile[None])[0]), 0.02
    while step > 0.0005:
        around = tile + step * changes @ tile
        found = scores(around)
        if found.max() > best * (1 + 1e-4):
            best, tile = float(found.max()), around[found.argmax()]
        else:
            step /= 2
    return best, tile


def search(spectrum: Spectrum, carriers: Carriers, tried: list[Trial]) -> Placement:
    """The best placement near any of these matrices, at any shift; its `z` is the best on the lattice."""
    best = lattice(spectrum, carriers, tried)
    refined = max((_refined(spectrum, carriers, each) for each in best), key=lambda placement: placement.refined)
    return replace(refined, z=best[0].z)


def lattice(spectrum: Spectrum, carriers: Carriers, tried: list[Trial]) -> list[Placement]:
    """The best few placements with exactly these matrices and one of the shifts, best first."""
    matrices = np.stack([trial.matrix for trial in tried])
    shifts = np.stack(np.meshgrid(*[np.arange(GRID)] * 2), axis=-1).reshape(-1, 2)
    roots = np.exp(2j * np.pi * np.arange(GRID) / GRID)
    waves = roots[carriers.pilots @ shifts.T % GRID] * carriers.pilot_phases.conj()[:, None]
    waves = np.concatenate([waves.real, np.negative(waves.imag)]).astype(np.float32)
    best: list[Placement] = []
    for start in range(0, len(matrices), _BATCH):
        limited = correlate(spectrum, matrices[start : start + _BATCH], carriers.pilots)
        scores = np.concatenate([limited.real, limited.imag], axis=1).astype(np.float32) @ waves / _deviation(limited)
        where = scores.argmax(axis=1)
        highest = scores[np.arange(len(scores)), where]
        for row in np.argsort(highest)[-_KEPT:]:
            trial, z = tried[start + row], float(highest[row])
            best.append(Placement(trial.matrix, shifts[where[row]] / GRID, z, z, trial.turns, trial.flipped))
    return sorted(best, key=lambda placement: -placement.z)[:_KEPT]


def trials(tried: int) -> int:
    """How many placements a stage with so many matrices has looked at."""
    return tried * GRID**2


def _deviation(limited: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum((np.abs(limited) ** 2).sum(axis=-1, keepdims=True) / 2, 1e-12))


def _refined(spectrum: Spectrum, carriers: Carriers, placement: Placement) -> Placement:
    """Climb by a pattern search over stretch, rotation, shear and shift, with ever smaller steps."""

    def scores(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        size, stretch, turn, shear = offsets[:, :4].T
        change = np.stack([1 + size + stretch, shear - turn, shear + turn, 1 + size - stretch], axis=1)
        matrices, shifts = change.reshape(-1, 2, 2) @ placement.matrix, placement.shift + offsets[:, 4:]
        limited = correlate(spectrum, matrices, carriers.pilots)
        aligned = limited * carriers.pilot_phases.conj() * np.exp(2j * np.pi * shifts @ carriers.pilots.T)
        return aligned.real.sum(axis=1) / _deviation(limited)[:, 0], matrices, shifts

    steps = np.array([0.004] * 4 + [0.012] * 2)
    here = np.zeros((1, 6))
    z = scores(here)[0][0]
    while steps[0] > 0.004 / 16:
        around = here + np.concatenate([np.diag(steps), np.diag(-steps)])
        found = scores(around)[0]
        better = np.maximum(found[:6], found[6:]) > z
        together = here + steps * better * np.where(found[:6] > found[6:], 1, -1)  # all good moves at once
        candidates = np.concatenate([around, together])
        found = np.append(found, scores(together)[0])
        if found.max() > z + 1e-3:
            here, z = candidates[[found.argmax()]], found.max()
        else:
            steps = steps / 2
    _, matrices, shifts = scores(here)
    return replace(placement, matrix=matrices[0], shift=shifts[0], refined=float(z))


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _turn(turns: int, flipped: bool) -> np.ndarray:
    return np.round(_rotation(turns * np.pi / 2)) @ np.diag([-1 if flipped else 1, 1])


def describe(placement: Placement, spectrum: Spectrum, short_side: float) -> dict[str, object]:
    """The placement in words and px of the picture as read: what was done to the picture, as far as the tiles tell."""
    inverse = np.linalg.inv(placement.matrix).T  # columns: the sides of a tile, px
    upright = inverse @ _turn(placement.turns, placement.flipped).T
    corner = placement.matrix.T @ -spectrum.centre - placement.shift  # the picture's corner, in tiles
    return {
        "flipped": placement.flipped,
        "turned": 90 * placement.turns,
        "rotation": round(float(np.degrees(np.arctan2(upright[1, 0] - upright[0, 1], np.trace(upright)))), 2),
        "scale": round(float(np.sqrt(abs(np.linalg.det(inverse))) * TILES / short_side), 4),
        "shift": [round(float(value), 1) for value in inverse @ (np.round(corner) - corner)],
    }
