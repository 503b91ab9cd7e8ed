"""Faces: precision against templates, jitter on a still clip, milliseconds a frame.

    python benchmarks/faces.py templates FOLDER    pictures with 189-point .tem templates beside them
    python benchmarks/faces.py jitter PICTURE…     60 noisy frames (sigma 3) of each picture at 512 and 256 px
    python benchmarks/faces.py speed CLIP…         video mode, processor time a frame, faces found

Each prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from facewright.core.faces import euler, find_faces, fit_pose, load_backend, topology
from facewright.core.media import VideoReader, read_image
from header import header

TEMPLATE = {
    "pupils": {0: 468, 1: 473},
    "corners of the mouth": {87: 61, 93: 291},
    "corners of the eyes": {18: 33, 22: 133, 23: 362, 27: 263},
    "middle of the lips": {90: 0, 96: 13, 106: 17},
}


def templates(folder: Path) -> dict[str, object]:
    """Mean distance, % of the distance between the pupils; beside it with each point's constant offset taken out."""
    off: dict[str, list[np.ndarray]] = {part: [] for part in TEMPLATE}
    for path in sorted(folder.glob("*.tem")):
        lines = path.read_text().split("\n")
        truth = np.array([line.split()[:2] for line in lines[1 : int(lines[0]) + 1]], float)
        found = find_faces(read_image(path.with_suffix(".jpg")))[0].landmarks[:, :2]
        unit = np.linalg.norm(truth[1] - truth[0]) / 100
        for part, pairs in TEMPLATE.items():
            off[part].append((found[[*pairs.values()]] - truth[[*pairs]]) / unit)
    result = {}
    for part, rows in off.items():
        error = np.array(rows)
        spread = np.linalg.norm(error - error.mean(0), axis=2).mean()
        result[part] = {
            "error": round(float(np.linalg.norm(error, axis=2).mean()), 2),
            "spread": round(float(spread), 2),
        }
    return {"faces": len(off["pupils"]), "percent of interpupillary distance": result}


def jitter(pictures: list[Path]) -> dict[str, object]:
    result = {}
    for side in (512, 256):
        rows = []
        for path in pictures:
            image = cv2.resize(read_image(path), (side, side), interpolation=cv2.INTER_AREA)
            rng, backend = np.random.default_rng(0), load_backend(video=True)
            noisy = (np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8) for _ in range(60))
            seen = np.array([backend.detect(frame)[0].landmarks for frame in noisy])[5:]
            angles = np.degrees([euler(fit_pose(landmarks).rotation) for landmarks in seen])
            groups = (slice(0, 468), topology.LIPS_INNER, [468, 473])
            rows.append([*(seen[:, group, :2].std(0).mean() for group in groups), *angles.std(0)])
        names = ("px all", "px lips", "px irises", "deg yaw", "deg pitch", "deg roll")
        result[side] = dict(zip(names, np.mean(rows, 0).round(3).tolist(), strict=True))
    return {"std": result}


def speed(clips: list[Path]) -> dict[str, object]:
    result = {}
    for path in clips:
        backend, spent, counts = load_backend(video=True), [], []
        for chunk in VideoReader(path):
            for frame in chunk:
                start = time.process_time()
                counts.append(len(backend.detect(frame)))
                spent.append(time.process_time() - start)
        size = f"{chunk.shape[2]}x{chunk.shape[1]}"
        result[path.name] = {
            "size": size,
            "frames": len(counts),
            "frames by faces": np.bincount(counts).tolist(),
            "ms mean": round(1000 * float(np.mean(spent)), 2),
            "ms median": round(1000 * float(np.median(spent)), 2),
        }
    return {"clips": result}


def main(what: str, *paths: str) -> None:
    given = [Path(path) for path in paths]
    result = {"templates": lambda: templates(given[0]), "jitter": lambda: jitter(given), "speed": lambda: speed(given)}
    print(json.dumps({**header(), **result[what]()}, indent=2))


if __name__ == "__main__":
    main(*sys.argv[1:])
