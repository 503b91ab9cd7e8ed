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
from pathlib import Path

import numpy as np
from header import header

CLOSED, OPEN = {"P", "B", "M"}, {"AA", "AE", "AO", "AW", "AY"}
LAGS, SHIFTS = range(-2, 3), (-1.5, -1.0, -0.75, -0.5, 0.5, 0.75, 1.0, 1.5)
LEAST = 3  # segments of either kind, below which a clip says nothing


def phones(samples: np.ndarray) -> list[tuple[str, float, float]]:
    """(phone, start, end) in seconds of 16 kHz sound."""
    import pocketsphinx

    model = pocketsphinx.get_model_path("en-us")
    decoder = pocketsphinx.Decoder(
        hmm=f"{model}/en-us",
        allphone=f"{model}/en-us-phone.lm.bin",
        lm=None,
        dict=None,
        lw=2.0,
        beam=1e-20,
        pbeam=1e-20,
        loglevel="FATAL",
    )
    decoder.start_utt()
    decoder.process_raw((samples * 32767).clip(-32768, 32767).astype(np.int16).tobytes(), full_utt=True)
    decoder.end_utt()
    return [(one.word, one.start_frame / 100, (one.end_frame + 1) / 100) for one in decoder.seg() or ()]


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """Chance that one of `high` exceeds one of `low`, ties half."""
    above = (high[:, None] > low[None]).mean()
    return float(above + 0.5 * (high[:, None] == low[None]).mean())


def judge(lips: np.ndarray, fps: float, samples: np.ndarray) -> dict[str, object]:
    """Figures of one clip.

    Args:
        lips: (T,) lip distance of each frame; frame i shows i / fps; NaN where no face was found.
        samples: float32 (n,), the sound at 16 kHz.
    """
    heard = phones(samples)
    seconds = np.arange(len(lips)) / fps
    seen = np.isfinite(lips)

    def distances(names: set[str], offset: float) -> np.ndarray:
        middles = np.array([(start + end) / 2 + offset for name, start, end in heard if name in names])
        inside = (middles >= 0) & (middles <= seconds[-1]) if len(middles) else np.zeros(0, bool)
        return np.interp(middles[inside], seconds[seen], lips[seen]) if inside.any() else np.zeros(0)

    def best(shift: float) -> tuple[float, int]:
        pairs = [(distances(CLOSED, shift + lag / fps), distances(OPEN, shift + lag / fps), lag) for lag in LAGS]
        scores = [(auc(low, high), lag) for low, high, lag in pairs if min(len(low), len(high)) >= LEAST]
        return max(scores, default=(float("nan"), 0), key=lambda score: (score[0], -abs(score[1])))

    score, lag = best(0.0)
    shifted = [best(shift)[0] for shift in SHIFTS]
    at = (seconds[seen] * 16000).astype(int)
    power = [np.mean(samples[max(i - 400, 0) : i + 400] ** 2) if i < len(samples) else 0.0 for i in at]
    loudness = np.corrcoef(np.log(np.array(power) + 1e-9), lips[seen])[0, 1]
    return {
        "auc": score,
        "lag": lag,
        "shifted": float(np.nanmean(shifted)) if np.isfinite(shifted).any() else float("nan"),
        "loudness": float(loudness),
        "closed": len(distances(CLOSED, 0)),
        "open": len(distances(OPEN, 0)),
        "lips": {"median": float(np.median(lips[seen])), "std": float(np.std(lips[seen]))},
    }


def lip_distance(landmarks: np.ndarray) -> float:
    """Distance of the inner lips (13, 14) over that of the outer eye corners (33, 263), landmarks (478, 2 or 3)."""
    points = landmarks[:, :2]
    return float(np.linalg.norm(points[13] - points[14]) / np.linalg.norm(points[33] - points[263]))


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
    return judge(lips, fps, read_audio(sound or video))


def judge_motion(speech: Path, seed: int = 0) -> dict[str, object]:
    """Figures of meshwarp's motion on the mean face, without rendering."""
    from facewright.core.faces import topology
    from facewright.core.media import read_audio
    from facewright.generate.methods.meshwarp.motion_weights import load_motion

    samples = read_audio(speech)
    blocks = load_motion().stream([samples], fps=25, seed=seed)
    shape = np.concatenate([block.shape for block in blocks])
    return judge(np.array([lip_distance(topology.MEAN_FACE + frame) for frame in shape]), 25.0, samples)


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
