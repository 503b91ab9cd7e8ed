"""Make the corpus that the residual detector is trained on, and measure it.

    python scripts/make_detector_corpus.py DATA OUT
    python scripts/make_detector_corpus.py DATA TEST --only genuine --classes C --only other \\
        --only synthetic --people 60:100
    python -c "from facewright.detect import train_detector as t; t('OUT/index.jsonl', 'OUT', test='TEST/index.jsonl')"

    python scripts/make_detector_corpus.py DATA OUT --only driven --people 0:14   # for attribution: adds to OUT

DATA is a folder with a MANIFEST.csv that names for every file its licence class and identity. Three kinds of clips
go through one chain (size, watermark at random, H.264 at a random quality):

- genuine: windows of the real videos of class A and B;
- synthetic: meshwarp on consented portraits, each as if taken by some camera (framing, background, blur, noise, JPEG);
- driven, on request: meshwarp again, moved by a genuine video instead of a voice, for attribution;
- control: the same portraits without animation, under simulated camera shake and fresh sensor noise;
- other, on request: clips of other generators, for tests alone, a visible logo cropped away.

No video of a face is written anywhere: clips live in memory until they are measured, so that nothing synthetic without
a mark can leave. What stays is an index of recipes and the measures.
"""

from __future__ import annotations

import argparse
import csv
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from facewright.core.errors import InputError
from facewright.core.faces import largest_face, person_matte
from facewright.core.media import VideoReader, VideoWriter, probe, read_image
from facewright.core.random import generator
from facewright.datasets.index import Entry, read_index, write_index
from facewright.detect.measures import Measures, measure, read_measures, write_measures
from facewright.generate import SpeechDrive, VideoDrive, load
from facewright.generate.drive import Drive
from facewright.provenance import VideoMarker, new_record_id

SECONDS = 3.6
WINDOWS, ENCODES = 4, 2  # of one genuine video; of every clip
CONTROLS = 20
SIDES = (256, 288, 360, 512)  # px of a clip, which is square
# Containers must not tell the kinds apart: made clips draw size, rate and length as the genuine people have them.
SIDE_SHARES = (2 / 13, 5 / 13, 2 / 13, 4 / 13)
RATES, RATE_SHARES = (24, 25, 30), (1 / 13, 8 / 13, 4 / 13)
LENGTHS, LENGTH_SHARES = (3.6, 2.98, 2.4, 2.04), (6 / 13, 5 / 13, 1 / 13, 1 / 13)
QUALITIES = (18, 23, 28)  # CRF
SCENES = "scenes A: Pixabay licence"
VOICES = ("speech/ljspeech/", "speech/librivox/", "speech/jfk")


@dataclass(frozen=True)
class Clip:
    """Frames (T, H, W, 3) in memory, and what the index says of them."""

    frames: np.ndarray
    fps: float
    entry: Entry


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--people", default="0:60", help="which of the portraits, in the seed's order, are animated")
    parser.add_argument("--only", choices=["genuine", "synthetic", "driven", "control", "other"], action="append")
    parser.add_argument("--classes", default="AB", help="licence classes of genuine clips; shipped weights: AB alone")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.data / "MANIFEST.csv").open(encoding="utf-8") as file:
        manifest = list(csv.DictReader(file))
    makers = {"genuine": genuine, "synthetic": synthetic, "driven": driven, "control": control, "other": other}
    entries, measured = standing(options.out)
    begun = time.monotonic()
    for kind in options.only or ("genuine", "synthetic", "control"):
        for clip in makers[kind](options, manifest):
            for encode in range(ENCODES):
                entry, seen = encoded(clip, generator(options.seed, clip.entry.video, encode), encode)
                entries.append(entry)
                measured.append(seen)
                print(f"{time.monotonic() - begun:6.0f} s  {entry.video}  {len(seen.rows)} rows", flush=True)
    write_index(options.out / "index.jsonl", entries)
    write_measures(options.out / "measures.npz", [entry.video for entry in entries], measured)


def standing(out: Path) -> tuple[list[Entry], list[Measures]]:
    """What an earlier run left in the folder, to be added to."""
    if not (out / "index.jsonl").is_file():
        return [], []
    entries, known = read_index(out / "index.jsonl"), read_measures(out / "measures.npz")
    return entries, [known[entry.video] for entry in entries]


def genuine(options: argparse.Namespace, manifest: list[dict[str, str]]) -> Iterator[Clip]:
    rows = [row for row in manifest if row["file"].startswith("video_real/") and not row["file"].endswith(".wav")]
    for row in rows:
        if row["class"] not in options.classes:
            continue
        path = options.data / row["file"]
        length = probe(path).seconds
        windows = int(np.clip(length // SECONDS, 1, WINDOWS))
        for number in range(windows):
            start = max(0.0, length - SECONDS) * (number / max(1, windows - 1))
            reader = VideoReader(path, start=start, seconds=min(SECONDS, length))
            frames = square(np.concatenate(list(reader)))
            source = "GRID studio" if "grid_" in row["identity_id"] else row["file"]  # five people, one studio
            licence = f"{row['class']}: {row['licence_terms']}"
            name = f"{row['file']}#{start:.1f}"
            yield Clip(frames, float(reader.fps), Entry(name, "genuine", row["identity_id"], source, licence))


def synthetic(options: argparse.Namespace, manifest: list[dict[str, str]]) -> Iterator[Clip]:
    voices = [row for row in manifest if row["file"].startswith(VOICES) and row["file"].endswith((".wav", ".flac"))]
    voices = [row for row in voices if SpeechDrive.open(options.data / row["file"]).seconds >= SECONDS]
    yield from animated(options, voices, SpeechDrive, "synthetic", "meshwarp", "voice")


def driven(options: argparse.Namespace, manifest: list[dict[str, str]]) -> Iterator[Clip]:
    rows = [row for row in manifest if row["file"].startswith("video_real/") and row["kind"] == "real"]
    rows = [row for row in rows if row["class"] in "AB" and not row["file"].endswith(".wav")]
    yield from animated(options, rows, VideoDrive, "driven", "meshwarp-video", "motion")


def animated(
    options: argparse.Namespace,
    drives: list[dict[str, str]],
    kind: type[Drive],
    name: str,
    prefix: str,
    what: str,
) -> Iterator[Clip]:
    """Portraits as some camera took them, each moved by one of the drives, drawn at random."""
    talker = load("meshwarp")
    for number, row in enumerate(portraits(options)):
        draw = generator(options.seed, name, row["file"])
        picture = photograph(read_image(options.data / row["file"]), draw, backgrounds(options))
        source = drives[int(draw.integers(len(drives)))]
        fps, side, seconds = shape(draw)
        try:
            drive = kind.open(options.data / source["file"], limit=seconds)
            clip = talker(picture, drive, seed=number, fps=fps, size=side)
        except InputError as error:
            print(f"left out {row['file']}: {error.message}", flush=True)
            continue
        frames = np.concatenate(list(unmarked(clip)))
        made = f"{prefix}/{row['file']}+{source['file']}+seed{number}"
        terms = f"{what} {source['class']}: {source['licence_terms']}"
        licence = f"{row['class']}: {row['licence_terms']}; {terms}; {SCENES}"
        entry = Entry(made, "synthetic", row["identity_id"], row["file"], licence, "meshwarp")
        yield Clip(frames, float(fps), replace(entry, second=source["identity_id"] if what == "motion" else ""))


def unmarked(clip) -> Iterator[np.ndarray]:
    """The frames before the mark, which a clip hands to nobody: they go no further than this process's memory."""
    for block in clip.method.motion(
        clip.state, clip.drive, controls=clip.controls, seed=clip.seed, fps=float(clip.fps)
    ):
        for first in range(0, len(block), clip.chunk):
            yield clip.method.render(clip.state, block[first : first + clip.chunk])


def control(options: argparse.Namespace, _: list[dict[str, str]]) -> Iterator[Clip]:
    for row in portraits(options)[::-1][:CONTROLS]:
        draw = generator(options.seed, "control", row["file"])
        picture = photograph(read_image(options.data / row["file"]), draw, backgrounds(options))
        fps, side, seconds = shape(draw)
        frames = filmed(resized(picture[None], side)[0], round(seconds * fps), fps, draw)
        licence = f"{row['class']}: {row['licence_terms']}; {SCENES}"
        yield Clip(
            frames, float(fps), Entry(f"control/{row['file']}", "control", row["identity_id"], row["file"], licence)
        )


def other(options: argparse.Namespace, manifest: list[dict[str, str]]) -> Iterator[Clip]:
    for row in manifest:
        if not row["file"].startswith("video_fake/"):
            continue
        path = options.data / row["file"]
        length = probe(path).seconds
        for number in range(WINDOWS):
            start = max(0.0, length - SECONDS) * (number / (WINDOWS - 1))
            reader = VideoReader(path, start=start, seconds=min(SECONDS, length))
            frames = np.concatenate(list(reader))
            if "dreamtalk" in row["file"]:  # its name is written below
                frames = frames[:, : int(0.86 * frames.shape[1]) // 2 * 2]
            name = row["method_or_note"].split("+")[0]
            entry = Entry(f"{row['file']}#{start:.1f}", "synthetic", row["file"], row["file"], row["class"], name)
            yield Clip(frames, float(reader.fps), entry)


def portraits(options: argparse.Namespace) -> list[dict[str, str]]:
    """One picture of each consented person, in an order drawn by the seed, as rows of the manifest; those asked for."""
    files = sorted((options.data / "portraits" / "train").glob("*.jpg"))
    people: dict[str, dict[str, str]] = {}
    for number in generator(options.seed, "portraits").permutation(len(files)):
        person = files[number].stem
        if person.startswith("london_"):  # london_PERSON_EXPRESSION
            person = person.rsplit("_", 1)[0]
        name = files[number].relative_to(options.data).as_posix()
        people[person] = {"file": name, "identity_id": person, "class": "A", "licence_terms": "CC BY 4.0, consented"}
    first, last = (int(number) for number in options.people.split(":"))
    return list(people.values())[first:last]


def shape(draw: np.random.Generator) -> tuple[int, int, float]:
    """Frames a second, pixels, seconds of a clip that is made."""
    rate, side = draw.choice(RATES, p=RATE_SHARES), draw.choice(SIDES, p=SIDE_SHARES)
    return int(rate), int(side), float(draw.choice(LENGTHS, p=LENGTH_SHARES))


def square(frames: np.ndarray) -> np.ndarray:
    """The largest square of frames (T, H, W, 3) that has the face in its middle, as far as the picture reaches."""
    height, width = frames.shape[1:3]
    side, face = min(height, width), largest_face(frames[0])
    centre = (face.box[1] + face.box[3]) / 2, (face.box[0] + face.box[2]) / 2
    top, left = (int(np.clip(c - side / 2, 0, whole - side)) for c, whole in zip(centre, (height, width), strict=True))
    return frames[:, top : top + side, left : left + side]


def backgrounds(options: argparse.Namespace) -> list[Path]:
    return sorted((options.data / "nonface").glob("*.jpg"))


def photograph(picture: np.ndarray, draw: np.random.Generator, scenes: list[Path]) -> np.ndarray:
    """A portrait as some camera might have taken it somewhere: framing, background, blur, tone, noise, JPEG."""
    face = largest_face(picture)
    if draw.random() < 0.6:  # elsewhere: a scene out of focus behind the person
        scene = read_image(scenes[int(draw.integers(len(scenes)))])
        scene = cv2.resize(scene, picture.shape[1::-1], interpolation=cv2.INTER_AREA)
        scene = cv2.GaussianBlur(scene, (0, 0), draw.uniform(1, 8))
        matte = person_matte(picture)[..., None]
        picture = np.round(picture * matte + scene * (1 - matte)).astype(np.uint8)
    height, width = picture.shape[:2]
    side = min(face.size / draw.uniform(0.4, 0.72), height, width)
    x, y = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    left, top = (int(np.clip(c - side / 2, 0, whole - side)) for c, whole in ((x, width), (y, height)))
    picture = picture[top : top + int(side), left : left + int(side)]
    sharp = draw.uniform(0.35, 1.0) * 512 / side  # some cameras resolve less than the picture's pixels
    small = cv2.resize(picture, None, fx=min(1, sharp), fy=min(1, sharp), interpolation=cv2.INTER_AREA)
    tone = 255 * (small / 255.0) ** draw.uniform(0.75, 1.3) * draw.uniform(0.93, 1.07, 3)
    noisy = tone + draw.normal(0, draw.uniform(0, 4), small.shape)
    quality = int(draw.integers(60, 97))
    _, data = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])
    taken = cv2.imdecode(data, cv2.IMREAD_COLOR)
    return np.ascontiguousarray(cv2.resize(taken, (512, 512), interpolation=cv2.INTER_CUBIC))


def filmed(picture: np.ndarray, count: int, fps: int, draw: np.random.Generator) -> np.ndarray:
    """A photograph filmed by hand or from a tripod: smooth shake, fresh noise, a little flicker."""
    height, width = picture.shape[:2]
    hand = draw.choice([0.0, 1.0, 3.0]) * height / 256
    shake = np.stack([smooth(draw, count, fps) for _ in range(4)]) * np.array([[hand], [hand], [0.004], [0.004]])
    level, flicker, frames = draw.uniform(1, 5), draw.uniform(0, 0.008), []
    for x, y, turn, zoom in shake.T:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(turn)), float(1.03 + zoom))
        matrix[:, 2] += x, y
        frame = cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        grain = cv2.GaussianBlur(draw.normal(0, level, picture.shape).astype(np.float32), (0, 0), 0.6)
        frames.append(np.clip(frame * (1 + draw.normal(0, flicker)) + grain, 0, 255).astype(np.uint8))
    return np.stack(frames)


def smooth(draw: np.random.Generator, count: int, fps: int) -> np.ndarray:
    """Unit-variance motion (count,) of about half a second."""
    kernel = np.exp(-0.5 * (np.arange(-fps, fps + 1) / (0.25 * fps)) ** 2)
    return np.convolve(draw.normal(size=count + 2 * fps), kernel / np.sqrt((kernel**2).sum()), "valid")


def encoded(clip: Clip, draw: np.random.Generator, number: int) -> tuple[Entry, Measures]:
    """A clip through the chain that all kinds share, and what is measured of it."""
    native = min(clip.frames.shape[1:3])
    sides = [side for side in SIDES if side <= native * 1.02] or [native // 2 * 2]
    side, quality, marked = int(draw.choice(sides)), int(draw.choice(QUALITIES)), bool(draw.random() < 0.5)
    frames = resized(clip.frames, side)
    if marked:
        marker = VideoMarker(new_record_id(), width=frames.shape[2], height=frames.shape[1], fps=clip.fps)
        frames = marker.mark(frames, 0)
    with memory() as path:
        with VideoWriter(path, width=frames.shape[2], height=frames.shape[1], fps=clip.fps, crf=quality) as writer:
            writer.write(frames)
        seen = measure(path)
    words = f"h264 crf={quality} short side {side}"
    entry = {**vars(clip.entry), "video": f"{clip.entry.video}#{number}", "encode": words, "marked": marked}
    return Entry(**entry), seen


def resized(frames: np.ndarray, side: int) -> np.ndarray:
    """Frames with this shorter side, both sides even."""
    height, width = frames.shape[1:3]
    scale = side / min(height, width)
    size = (round(width * scale / 2) * 2, round(height * scale / 2) * 2)
    if size == (width, height):
        return frames
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, size, interpolation=how) for frame in frames])


@contextmanager
def memory() -> Iterator[str]:
    """A file that exists in this process's memory alone, by a path that libraries can open."""
    number = os.memfd_create("clip")
    try:
        yield f"/proc/self/fd/{number}"
    finally:
        os.close(number)


if __name__ == "__main__":
    main()
