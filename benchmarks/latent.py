"""Do AniTalker, IF-MDM and INFP obey? Seeds, amplitude, turns of a dialogue, and what a motion code tells of a person.

    python benchmarks/latent.py PORTRAIT… --voice SOUND [--voice SOUND] [--corpus INDEX] [--method NAME[:WEIGHTS]]

For every method and portrait, clips are made as a caller gets them and watched again:

    seeds       correlation between two seeds of lip distance (high: the same words) and of the head's angles (low)
    amplitude   IF-MDM: mean deviation of landmarks at rising amplitudes
    dialogue    INFP: deviation of lip distance while the agent speaks, and while only the partner does; and swapped
    identity    AniTalker: share of frames whose person a linear probe names from the motion code, learned on other
                clips of the same people; and chance

`bench generate` has the rest: re-enactment against the still portrait, lips against right and wrong voice. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from facewright.core.faces import crop_face, euler, fit_pose, load_backend
from facewright.core.faces.crop import transform
from facewright.core.media import VideoReader, read_audio
from facewright.datasets.index import read_index
from facewright.generate.bench.measures import Watched, watch
from facewright.generate.bench.run import open_talker
from facewright.generate.clip import Clip
from facewright.generate.drive import DialogueDrive, SpeechDrive
from facewright.generate.latent.samples import picture, recipe
from facewright.generate.latent.voiced import motion_codes
from facewright.generate.nets.latentwarp import LatentWarp
from facewright.generate.talker import Talker
from header import header
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

AMPLITUDES = 0.25, 0.5, 1.0, 1.5, 2.0
FPS, RATE, TURN = 25, 16000, 2.5  # seconds of one turn of a dialogue


def see(clip: Clip) -> Watched:
    return watch(iter(clip), FPS)


def angles(seen: Watched) -> np.ndarray:
    """(T, 3), degrees."""
    return np.degrees([euler(fit_pose(points).rotation) for points in seen.landmarks])


def alike(one: np.ndarray, other: np.ndarray) -> float:
    """Mean correlation of the columns of two (T,) or (T, n)."""
    one, other = one.reshape(len(one), -1), other.reshape(len(other), -1)
    return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(one.T, other.T, strict=True)]))


def seeds(talker: Talker, portrait: Path, voice: Path, size: int) -> dict[str, float]:
    drive = SpeechDrive.open(voice, limit=6)
    one, other = (see(talker(portrait, drive, size=size, fps=FPS, seed=seed)) for seed in (0, 1))
    return {
        "lips": alike(one.lips, other.lips),
        "head": alike(angles(one), angles(other)),
        "head_degrees_apart": float(np.abs(angles(one) - angles(other)).mean()),
        "faces": float((one.seen.mean() + other.seen.mean()) / 2),
    }


def amplitude(talker: Talker, portrait: Path, voice: Path, size: int) -> dict[str, Any]:
    """Deviation over time of the landmarks, in percent of the distance of the outer eye corners."""
    found = []
    for factor in AMPLITUDES:
        seen = see(talker(portrait, SpeechDrive.open(voice, limit=4), size=size, fps=FPS, seed=0, amplitude=factor))
        points = seen.landmarks[..., :2]
        unit = np.linalg.norm(points[:, 33] - points[:, 263], axis=1).mean() / 100
        found.append(float(np.linalg.norm(points.std(0), axis=1).mean() / unit))
    return {"motion": dict(zip(AMPLITUDES, found, strict=True)), "rises": all(a < b for a, b in pairwise(found))}


def dialogue(talker: Talker, portrait: Path, voices: list[Path], size: int) -> dict[str, Any]:
    """Two voices take turns of 2.5 s; the mouth must move in the agent's turns, whoever of the two the agent is."""
    length = int(TURN * RATE)
    with tempfile.TemporaryDirectory() as folder:
        tracks = []
        for number, voice in enumerate(voices):
            samples = np.zeros(4 * length, np.float32)
            speech = read_audio(voice, rate=RATE, seconds=2 * TURN)
            for turn in range(2):
                at = (2 * turn + number) * length
                part = speech[turn * length : (turn + 1) * length]
                samples[at : at + len(part)] = part
            tracks.append(Path(folder) / f"{number}.wav")
            write(tracks[-1], samples)
        found: dict[str, Any] = {}
        for name, order, mine in (("as_agent", (0, 1), 0), ("swapped", (1, 0), 1)):
            drive = DialogueDrive.of(tracks[order[0]], tracks[order[1]])
            lips = see(talker(portrait, drive, size=size, fps=FPS, seed=0)).lips
            turns = [lips[int(turn * TURN * FPS) + 8 : int((turn + 1) * TURN * FPS)] for turn in range(4)]
            deviations = [float(np.nanstd(part)) for part in turns]
            found[name] = {
                "speaking": float(np.mean(deviations[mine::2])),
                "listening": float(np.mean(deviations[1 - mine :: 2])),
            }
    return found | {"obeys": all(each["speaking"] > each["listening"] for each in found.values())}


def write(path: Path, samples: np.ndarray) -> None:
    """Mono float32 sound as 16-bit PCM."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(RATE)
        sound.writeframes((samples * 32767).clip(-32768, 32767).astype("<i2").tobytes())


def identity(talker: Talker, corpus: Path) -> dict[str, float]:
    """People with two clips at least: the probe learns on one and is asked about the others."""
    by_person: dict[str, list[Path]] = {}
    for entry in read_index(corpus):
        if entry.split != "train":
            by_person.setdefault(entry.identity, []).append((corpus.parent / entry.video).resolve())
    people = {name: clips for name, clips in by_person.items() if len(clips) > 1}
    net: LatentWarp = cast(Any, talker.method).net
    codes, names, asked = [], [], []
    finder, cut = load_backend(), recipe(net.params.size)
    for name, clips in people.items():
        for number, clip in enumerate(clips):
            for frame in (frame for chunk in VideoReader(clip, fps=5) for frame in chunk):
                for face in finder.detect(frame)[:1]:
                    crop = crop_face(frame, face, cut)
                    image = torch.from_numpy(picture(crop.image))[None]
                    codes.append(motion_codes(net, image, transform(face.landmarks, crop.matrix)[None])[0].numpy())
                    names.append(name)
                    asked.append(number > 0)
    found, people_of, other = np.stack(codes), np.array(names), np.array(asked)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(found[~other], people_of[~other])
    return {
        "people": len(people),
        "named": float(np.mean(probe.predict(found[other]) == people_of[other])),
        "chance": 1 / len(people),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("portraits", nargs="+", type=Path)
    parser.add_argument("--voice", action="append", type=Path, required=True)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--method", action="append")
    parser.add_argument("--size", type=int, default=256)
    asked = parser.parse_args()
    found: dict[str, Any] = {"machine": header()}
    for name in asked.method or ["anitalker", "ifmdm", "infp"]:
        talker = open_talker(name, "auto")
        kind = talker.method.card.name
        rows: dict[str, Any] = {}
        found[name] = rows
        for number, portrait in enumerate(asked.portraits):
            voice = asked.voice[number % len(asked.voice)]
            row: dict[str, Any] = {"seeds": seeds(talker, portrait, voice, asked.size)}
            if kind == "ifmdm":
                row["amplitude"] = amplitude(talker, portrait, voice, asked.size)
            if kind == "infp" and len(asked.voice) > 1:
                row["dialogue"] = dialogue(talker, portrait, asked.voice[:2], asked.size)
            rows[portrait.stem] = row
            print(f"{name} {portrait.stem} {row}", file=sys.stderr)
        if kind == "anitalker" and asked.corpus:
            rows["identity"] = identity(talker, asked.corpus)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
