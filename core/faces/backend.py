"""From squares that may hold a face to faces: in stills, or followed through the frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np

from .cuts import CutDetector
from .face import MOST, Face
from .mediapipe_models import Mesh, Region
from .pose import euler, fit_pose, to_image
from .topology import MEAN_FACE, MIRROR, OVAL

_TOP, _BOTTOM = MEAN_FACE[OVAL, 1].min(), MEAN_FACE[OVAL, 1].max()
_CENTRE = np.array([[0.0, (_TOP + _BOTTOM) / 2, 0.0]])
_LOOK_EVERY = 15  # frames between two searches for faces that have come, and checks of those that are followed


class Finder(Protocol):
    """Where faces may be. It may err: the mesh has the last word."""

    def quick(self, image: np.ndarray) -> list[tuple[Region, float]]:
        """Regions with scores, from one look at the whole picture."""
        ...

    def thorough(self, image: np.ndarray) -> list[tuple[Region, float]]:
        """The same, however small the face and however the head lies."""
        ...

    def near(self, image: np.ndarray, region: Region) -> list[tuple[Region, float]]:
        """What a close look at one region finds."""
        ...

    def close(self) -> None: ...


class MeshBackend:
    """Faces by a finder, landmarks by the mesh."""

    def __init__(self, finder: Finder, *, video: bool, most: int = MOST) -> None:
        self._finder, self._mesh, self._video, self._most = finder, Mesh(), video, most
        self._cuts = CutDetector()
        self._followed: list[Face] = []
        self._age = 0
        self.cut = False

    def detect(self, image: np.ndarray) -> list[Face]:
        """All faces of an RGB picture uint8 (H, W, 3), largest first; in video mode, of the next frame."""
        image = np.ascontiguousarray(image)
        return self._follow(image) if self._video else self._search(image)

    def close(self) -> None:
        self._finder.close()
        self._mesh.close()

    def __enter__(self) -> MeshBackend:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _search(self, image: np.ndarray) -> list[Face]:
        return self._faces(image, self._finder.thorough(image), known=[])

    def _follow(self, image: np.ndarray) -> list[Face]:
        self.cut = self._cuts(image)
        if self.cut:
            self._followed, self._age = [], 0
        before = len(self._followed)
        kept = [self._look(image, face.landmarks, face.score) for face in self._followed]
        self._followed = _distinct([face for face in kept if face])
        if self._age % _LOOK_EVERY == 0:
            self._followed = [sure for face in self._followed if (sure := self._confirm(image, face))]
            candidates = self._finder.quick(image) if self._followed else self._finder.thorough(image)
            self._followed = self._faces(image, candidates, known=self._followed)
        elif len(self._followed) < max(before, 1):
            self._followed = self._faces(image, self._finder.quick(image), known=self._followed)
        self._age += 1
        return self._followed

    def _faces(self, image: np.ndarray, candidates: list[tuple[Region, float]], known: list[Face]) -> list[Face]:
        """Known faces, and those candidates that the mesh confirms, seen again through a square that fits each."""
        rough = []
        largest = sorted(candidates, key=lambda hit: -hit[0].side * hit[1])
        for region, score in _best(largest[: 8 * self._most]):  # each face shows in up to eight squares
            if len(rough) == 2 * self._most:
                break
            if any(_covers(face, region.x, region.y) for face in known):
                continue
            if (landmarks := self._mesh(image, region)) is not None:
                rough.append(Face.of(landmarks, score))
        fine = [self._settle(image, face) for face in _distinct(rough)[: self._most]]
        return _distinct([*known, *(face for face in fine if face)])[: self._most]

    def _settle(self, image: np.ndarray, face: Face) -> Face | None:
        """Two looks through ever better squares; for a still a third, averaged with that at the mirror image."""
        seen = self._look(image, face.landmarks, face.score)
        if not seen or self._video:
            return seen
        region = region_of(seen.landmarks)
        plain, mirrored = self._mesh(image, region), self._mesh(image, region, mirrored=True)
        if plain is None or mirrored is None:
            return None
        return Face.of((plain + mirrored[MIRROR]) / 2, face.score)

    def _confirm(self, image: np.ndarray, face: Face) -> Face | None:
        """The face with a fresh score, if the finder sees it too: the mesh alone may cling to what is no face."""
        hits = self._finder.near(image, region_of(face.landmarks))
        scores = [score for region, score in hits if _covers(face, region.x, region.y)]
        return replace(face, score=max(scores)) if scores else None

    def _look(self, image: np.ndarray, landmarks: np.ndarray, score: float) -> Face | None:
        seen = self._mesh(image, region_of(landmarks))
        return None if seen is None else Face.of(seen, score)


def region_of(landmarks: np.ndarray) -> Region:
    """The square that the mesh should look at: 1.5 face heights, hung on the skull, so that speech does not move it."""
    pose = fit_pose(landmarks)
    x, y, _ = to_image(_CENTRE, pose)[0]
    return Region(float(x), float(y), float(1.5 * pose.scale * (_BOTTOM - _TOP)), euler(pose.rotation)[2])


def _best(candidates: list[tuple[Region, float]]) -> list[tuple[Region, float]]:
    """Of candidates alike, the one with the best score."""
    kept: list[tuple[Region, float]] = []
    for region, score in sorted(candidates, key=lambda candidate: -candidate[1]):
        if not any(_alike(region, other) for other, _ in kept):
            kept.append((region, score))
    return kept


def _alike(a: Region, b: Region) -> bool:
    near = np.hypot(a.x - b.x, a.y - b.y) < 0.25 * min(a.side, b.side)
    return bool(near and 0.67 < a.side / b.side < 1.5 and np.cos(a.roll - b.roll) > 0.7)


def _covers(face: Face, x: float, y: float) -> bool:
    x0, y0, x1, y1 = face.box
    return x0 < x < x1 and y0 < y < y1


def _distinct(faces: list[Face]) -> list[Face]:
    """Largest first, without those whose centre lies within one that is larger or surer."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.size * face.score):
        x0, y0, x1, y1 = face.box
        if not any(_covers(other, (x0 + x1) / 2, (y0 + y1) / 2) for other in kept):
            kept.append(face)
    return sorted(kept, key=lambda face: -face.size)
