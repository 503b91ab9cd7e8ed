"""The whole road over portraits × voices: generate, seal, attack, verify; and unmarked files that must stay unfound.

    python benchmarks/road.py make OUT --portraits P… --speech S…     sealed files; faces, blinks, head motion
    python benchmarks/road.py recover FILE…                           ffmpeg -c copy, CRF 23, half size, crop 25 %, flip
    python benchmarks/road.py unmarked FILE…                          verify on files that carry no mark

Each prints one JSON object. Needs the `ffmpeg` command for `recover`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from header import header

ATTACKS = {
    "copy": ["-c", "copy"],
    "crf 23": ["-c:v", "libx264", "-crf", "23", "-c:a", "copy"],
    "half size": ["-vf", "scale=iw/2:-2", "-c:v", "libx264", "-crf", "23"],
    "crop 25 %": ["-vf", "crop=trunc(iw*0.375)*2:trunc(ih*0.375)*2:iw*0.1:ih*0.15", "-c:v", "libx264", "-crf", "23"],
    "flip": ["-vf", "hflip", "-c:v", "libx264", "-crf", "23"],
}


def make(out: Path, portraits: list[Path], speech: list[Path]) -> dict[str, object]:
    """Generate every pair and measure what a viewer would see at once."""
    from facewright.generate import load

    talker = load()
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, portrait in enumerate(portraits):
        for voice in speech:
            target = out / f"{portrait.stem}__{voice.stem}.mp4"
            began = time.perf_counter()
            sealed = talker(portrait, voice, size=512, seed=number).save(target, force=True)
            seconds = time.perf_counter() - began
            row = {"file": target.name, "frames": sealed.frames, "compute_seconds": seconds, **watch(target)}
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return {"clips": len(rows), "face_in_every_frame": all(row["faces"] == row["frames"] for row in rows), "rows": rows}


def watch(video: Path) -> dict[str, object]:
    """Faces found, head motion (degrees, standard deviation) and blinks of a video."""
    from facewright.core.faces import fit_pose, topology, track
    from facewright.core.faces.pose import euler
    from facewright.core.media import VideoReader

    reader = VideoReader(video)
    angles, openness, found = [], [], 0
    for frame in track(reader, fps=float(reader.fps)):
        if not frame.faces:
            continue
        found += 1
        marks = frame.faces[0].face.landmarks
        angles.append(np.degrees(euler(fit_pose(marks).rotation)))
        lids = [
            (topology.LEFT_EYE_UPPER, topology.LEFT_EYE_LOWER),
            (topology.RIGHT_EYE_UPPER, topology.RIGHT_EYE_LOWER),
        ]
        across = marks[263, :2] - marks[33, :2]  # from one outer corner to the other; lids open at right angles to it
        gaps = [marks[list(low), :2].mean(0) - marks[list(up), :2].mean(0) for up, low in lids]
        openness.append(sum(across[0] * gap[1] - across[1] * gap[0] for gap in gaps) / (across @ across))
    shut = np.asarray(openness) < 0.55 * np.median(openness)
    return {
        "faces": found,
        "blinks": int(np.sum(np.diff(shut.astype(int)) == 1)),
        "head_motion_degrees": [round(float(value), 2) for value in np.std(angles, axis=0)],
    }


def recover(files: list[Path]) -> dict[str, object]:
    """Which attacks leave the record id readable, per file."""
    from facewright.provenance import verify

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for file in files:
            told = verify(file)
            row: dict[str, object] = {"file": file.name, "sealed": told.state}
            for name, options in ATTACKS.items():
                attacked = Path(folder) / "attacked.mp4"
                subprocess.run(
                    ["ffmpeg", "-v", "error", "-y", "-i", str(file), *options, str(attacked)],
                    check=True,
                    stdin=subprocess.DEVNULL,
                )
                again = verify(attacked)
                row[name] = again.record_id == told.record_id and again.state == "recovered"
                row[f"{name}, p"] = again.watermark["p_value"]
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return {
        "files": len(rows),
        "recovered": {name: sum(bool(row[name]) for row in rows) for name in ATTACKS},
        "rows": rows,
    }


def unmarked(files: list[Path]) -> dict[str, object]:
    """Smallest p-value and number of false finds over files without a mark."""
    from facewright.provenance import read_mark

    readings = {str(file): read_mark(file) for file in files}
    found = [name for name, reading in readings.items() if reading.found]
    return {"files": len(files), "found": found, "smallest_p": min(reading.p_value for reading in readings.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    maker = verbs.add_parser("make")
    maker.add_argument("out", type=Path)
    maker.add_argument("--portraits", type=Path, nargs="+", required=True)
    maker.add_argument("--speech", type=Path, nargs="+", required=True)
    for verb in ("recover", "unmarked"):
        verbs.add_parser(verb).add_argument("files", type=Path, nargs="+")
    given = parser.parse_args()
    work = {"make": lambda: make(given.out, given.portraits, given.speech)}.get(given.verb)
    figures = work() if work else {"recover": recover, "unmarked": unmarked}[given.verb](given.files)
    print(json.dumps({"benchmark": f"road {given.verb}", **header(), "figures": figures}, indent=2))


if __name__ == "__main__":
    main()
