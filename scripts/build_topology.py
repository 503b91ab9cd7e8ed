"""Make core/faces/data/topology.npz and its record: triangles, mirror pairs, mean face, rigid points.

    python scripts/build_topology.py DATA

DATA holds `portraits/train` (consented portraits, `*_03.jpg` neutral and `*_08.jpg` smiling of one person, others
neutral) and `video_real` with `MANIFEST.csv` beside it, of whose clips those of licence class A and B are used.
Landmarks are found with the present file, so a second run may move the mean face a little; it settles at once.
"""

from __future__ import annotations

import csv
import hashlib
import json
import sys
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np
from facewright.core.faces import align, euler, find_faces, from_euler, load_backend, to_head, topology
from facewright.core.media import VideoReader, read_image
from mediapipe.python.solutions.face_mesh_connections import FACEMESH_TESSELATION

TARGET = Path(__file__).resolve().parent.parent / "core/faces/data"
SURFACE = 468
NOISE = (
    0.008  # head units: what is left of motion even in the stillest point; keeps the weights from piling on the nose
)
LIMIT, SPACING = 0.015, 0.12  # head units: most motion of a rigid point, least distance between two


def triangles() -> np.ndarray:
    """Faces (852, 3) of the published edge list, all turning the same way (clockwise on screen, seen from outside)."""
    edges = {tuple(sorted(edge)) for edge in FACEMESH_TESSELATION}
    near = {v: {b if a == v else a for a, b in edges if v in (a, b)} for v in range(SURFACE)}
    cycles = {tuple(sorted((a, b, c))) for a, b in edges for c in near[a] & near[b]}
    sides = {edge: [cycle for cycle in cycles if set(edge) <= set(cycle)] for edge in edges}
    # three edges may close a ring around other triangles: that is no face, for each of its edges has two without it
    faces = [c for c in cycles if not all(len(sides[edge]) > 2 for edge in ((c[0], c[1]), (c[1], c[2]), (c[0], c[2])))]
    kept, start = set(faces), faces[0]
    turned, queue = {start: start}, [start]
    while queue:
        a, b, c = turned[queue.pop()]
        for p, q in ((a, b), (b, c), (c, a)):
            for other in sides[tuple(sorted((p, q)))]:
                if other in kept and other not in turned:
                    third = next(v for v in other if v not in (p, q))
                    turned[other] = (q, p, third)
                    queue.append(other)
    result = np.array([turned[face] for face in sorted(faces)])
    a, b, c = np.moveaxis(topology.MEAN_FACE[result][..., :2], 1, 0)
    turn = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return result if np.median(turn) > 0 else result[:, ::-1]


def in_frame_of(
    mean: np.ndarray, shapes: np.ndarray, points: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Shapes (n, 478, 3), each placed on the mean by its similarity over some points."""
    return np.array([to_head(shape, align(mean[points], shape[points], weights)) for shape in shapes])


def procrustes(shapes: np.ndarray, points: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Shapes (n, 478, 3) in the frame of their common mean (generalised Procrustes, Gower 1975)."""
    placed = in_frame_of(topology.MEAN_FACE, shapes, points, weights)
    for _ in range(3):
        placed = in_frame_of(placed.mean(0), shapes, points, weights)
    return placed


def motion(clips: list[np.ndarray], pairs: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """How far each mesh point (468,) moves in the head, head units: std in speech and half the way of a smile."""
    points, weights, mirror = np.arange(SURFACE), np.ones(SURFACE), topology.MIRROR[:SURFACE]
    for _ in range(12):
        speech = np.mean([procrustes(clip, points, weights).var(0)[points] for clip in clips], 0)
        way = [in_frame_of(neutral, smile[None], points, weights)[0] - neutral for neutral, smile in pairs]
        power = (speech + np.mean(np.square(way), 0)[points] / 4).sum(1)
        power = (power + power[mirror]) / 2
        weights = 1 / (power + NOISE**2)
    return np.sqrt(power)


def rigid_points(moves: np.ndarray) -> np.ndarray:
    """The stillest points, spread over the face above the tip of the nose; no brows, lids or outline."""
    face, mirror = topology.MEAN_FACE, topology.MIRROR
    contours = (topology.LEFT_BROW, topology.RIGHT_BROW, topology.LEFT_EYE, topology.RIGHT_EYE, topology.OVAL)
    banned = set(np.concatenate(contours).tolist()) - {33, 133}
    floor = face[1, 1]  # the tip of the nose: below it lips pull
    chosen: list[int] = []
    for i in (33, 133, *np.argsort(moves).tolist()):  # eye corners first: they are what anyone measures a face by
        middle = mirror[i] == i
        left = face[i, 0] < -SPACING / 2
        apart = all(np.linalg.norm(face[i] - face[k]) >= SPACING for k in chosen)
        if moves[i] < LIMIT and (middle or left) and face[i, 1] < floor and i not in banned and apart:
            chosen += [i] if middle else [i, int(mirror[i])]
    return np.array(sorted(chosen))


def symmetric(mean: np.ndarray, rigid: np.ndarray) -> np.ndarray:
    """A mean face made its own mirror image, in head units: eye corners 33, 263 1 apart, the mean of `rigid` at 0."""
    mirror = topology.MIRROR
    for _ in range(3):
        image = (mean * [-1, 1, 1])[mirror]
        mean = (mean + to_head(image, align(mean, image))) / 2
    x = np.linalg.svd(mean - mean[mirror])[2][0]
    x *= np.sign(x[0])
    y = np.array([0, 1, 0]) - x[1] * x
    y /= np.linalg.norm(y)
    mean = (mean - mean[rigid].mean(0)) @ np.stack([x, y, np.cross(x, y)]).T
    mean = (mean + mean[mirror] * [-1, 1, 1]) / 2
    return (mean - mean[rigid].mean(0)) / (mean[263, 0] - mean[33, 0])


def upright(mean: np.ndarray, portraits: list[np.ndarray], rigid: np.ndarray) -> np.ndarray:
    """The mean face turned so that the people of the portraits, looking ahead, have no pitch on average."""
    pitch = np.mean([euler(align(mean[rigid], shape[rigid]).rotation)[1] for shape in portraits])
    return mean @ from_euler(0.0, float(pitch), 0.0).T


def stills(folder: Path) -> dict[str, np.ndarray]:
    """Landmarks of every portrait, by file name."""
    return {path.name: find_faces(read_image(path))[0].landmarks.astype(float) for path in sorted(folder.glob("*.jpg"))}


def clips(data: Path) -> dict[str, np.ndarray]:
    """Landmarks (n, 478, 3) of up to 200 frames of every clip of class A or B, by path."""
    with (data / "MANIFEST.csv").open() as file:
        rows = [
            row for row in csv.DictReader(file) if row["file"].startswith("video_real") and row["class"] in ("A", "B")
        ]
    found = {}
    for row in rows:
        backend = load_backend(video=True)
        shapes = [backend.detect(frame)[0].landmarks for chunk in VideoReader(data / row["file"]) for frame in chunk]
        backend.close()
        found[row["file"]] = np.array(shapes, float)[:: max(1, len(shapes) // 200)]
    return found


def main(data: Path) -> None:
    portraits, speech = stills(data / "portraits/train"), clips(data)
    neutral = {name: shape for name, shape in portraits.items() if not name.endswith("_08.jpg")}
    placed = dict(
        zip(portraits, in_frame_of(topology.MEAN_FACE, np.array([*portraits.values()]), topology.RIGID), strict=True)
    )
    pairs = [
        (placed[name], placed[name.replace("_03", "_08")]) for name in neutral if name.replace("_03", "_08") in placed
    ]
    pairs = [(a, b) for a, b in pairs if a is not b]
    moves = motion([*speech.values()], pairs)
    rigid = rigid_points(moves)
    shapes = procrustes(np.array([*neutral.values()]), rigid)
    face = upright(symmetric(shapes.mean(0), rigid), [*neutral.values()], rigid)

    arrays = {"triangles": triangles(), "mirror": topology.MIRROR, "rigid": rigid}
    path = TARGET / "topology.npz"
    np.savez_compressed(path, mean_face=face.astype(np.float32), **{k: v.astype(np.int16) for k, v in arrays.items()})
    content = path.read_bytes()
    record = {
        "name": "mean-face",
        "architecture": "mean and symmetry of 478 landmarks, triangles of 468, indices of the stillest points",
        "files": [{"file": path.name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}],
        "licences": {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "portraits: CC BY 4.0; clips: see data"},
        "data": [
            "Face Research Lab London Set, DeBruine and Jones 2017, CC BY 4.0, consented: neutral faces, smiling pairs",
            "Canadian face set of webmorphR.stim, DeBruine, CC BY 4.0, consented: neutral faces",
            "MediaPipe face mesh edge list, Apache-2.0",
            *(f"{name}: which points hold still (statistics only)" for name in speech),
        ],
        "made": {
            "command": "python scripts/build_topology.py DATA",
            "date": date.today().isoformat(),
            "mediapipe": version("mediapipe"),
            "faces": len(neutral),
            "pairs": len(pairs),
            "frames": sum(map(len, speech.values())),
        },
        "metrics": {
            "rms_head_units_of_faces_about_the_mean": round(float(np.sqrt(shapes.var(0).sum(1).mean())), 4),
            "motion_head_units_of_rigid_points": round(float(np.sqrt(np.mean(moves[rigid] ** 2))), 4),
            "motion_head_units_of_lips": round(float(np.sqrt(np.mean(moves[topology.LIPS_OUTER] ** 2))), 4),
            "moved_against_the_file_before": round(float(np.abs(face - topology.MEAN_FACE).max()), 4),
        },
    }
    (TARGET / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    print(json.dumps(record["made"] | record["metrics"], indent=2), rigid.tolist())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
