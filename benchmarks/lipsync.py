"""Do lips say what the voice says? Lip distance against the phones of a recogniser that drove nothing.

    python benchmarks/lipsync.py VIDEO…              each video's own sound
    python benchmarks/lipsync.py --real DATA         the real clips of the development data, for comparison
    python benchmarks/lipsync.py --motion SPEECH…    meshwarp's motion itself, before any picture

Phones come from pocketsphinx in its allphone mode. A segment's lip distance is that of the inner lips at the middle of
the segment, over the distance of the outer eye corners. AUC: chance that an open vowel (AA AE AO AW AY) shows a larger
distance than a p, b or m; at the best lag within ± 2 frames, and with the sound shifted by half a second or more (again
at the best lag, mean over shifts). `loudness` is the correlation of lip distance with log energy. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
from facewright.generate.bench.lips import judge, lip_distance
from header import header


def watch(video: Path) -> tuple[np.ndarray, float]:
    """Lip distance (T,) of the largest face of every frame, and the frame rate."""
    from facewright.core.faces import track
    from facewright.core.media import VideoReader

    reader = VideoReader(video)
    frames = track(reader, fps=float(reader.fps))
    lips = [lip_distance(frame.faces[0].face.landmarks) if frame.faces else np.nan for frame in frames]
    return np.array(lips), float(reader.fps)


def judge_video(video: Path, sound: Path | None = None) -> dict[str, object]:
    from facewright.core.media import read_audio

    lips, fps = watch(video)
    return asdict(judge(lips, fps, read_audio(sound or video)))


def judge_motion(speech: Path, seed: int = 0) -> dict[str, object]:
    """Figures of meshwarp's motion on the mean face, without rendering."""
    from facewright.core.faces import topology
    from facewright.core.media import read_audio
    from facewright.generate.methods.meshwarp.motion_weights import load_motion

    samples = read_audio(speech)
    blocks = load_motion().stream([samples], fps=25, seed=seed)
    shape = np.concatenate([block.shape for block in blocks])
    lips = np.array([lip_distance(topology.MEAN_FACE + frame) for frame in shape])
    return asdict(judge(lips, 25.0, samples))


def real(data: Path) -> list[tuple[Path, Path | None]]:
    """Clips with sound of the development data, with the file of the sound where it lies apart."""
    from facewright.core.media import probe

    folder, found = data / "video_real", []
    for video in sorted([*folder.glob("*.mp4"), *folder.glob("*.mpg")]):
        apart = list(folder.glob(f"*_sound_of__{video.stem.split('__')[-1]}.wav"))
        if apart or probe(video).audio:
            found.append((video, apart[0] if apart else None))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--real", type=Path, metavar="DATA")
    parser.add_argument("--motion", action="store_true")
    given = parser.parse_args()
    jobs = [(file, None) for file in given.files] + (real(given.real) if given.real else [])
    rows = []
    for file, sound in jobs:
        figures = judge_motion(file) if given.motion else judge_video(file, sound)
        rows.append({"file": file.name, **figures})
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    said = [row for row in rows if np.isfinite(row["auc"])]
    mean = (
        {name: float(np.mean([row[name] for row in said])) for name in ("auc", "shifted", "loudness")} if said else {}
    )
    print(json.dumps({**header(), "clips": len(said), "mean": mean, "rows": rows}, indent=1))


if __name__ == "__main__":
    main()
