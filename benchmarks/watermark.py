"""The video watermark against attacks, on clips and stills of your own.

    python benchmarks/watermark.py attack FILE... [--seconds 4] [--attacks crf23,flip]
    python benchmarks/watermark.py null FILE... [--keys 100]

`attack` marks each clip (a still becomes a head that sways before a still background), encodes it as the seal does,
does to that file what people do, and reads: whether the exact id came back, p-value, seconds; luma PSNR, SSIM and,
where FFmpeg has libvmaf (or $FFMPEG_VMAF names one that has), VMAF of the marked frames; milliseconds to mark a frame.

`null` reads unmarked files, also under keys that nobody used, and says how often which p-value came out: it must be at
most as often as the p-value says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from facewright.core.errors import InputError
from facewright.core.media import VideoReader, VideoWriter, read_image
from facewright.provenance.watermark import VideoMarker, geometry, read, read_mark
from facewright.provenance.watermark.carriers import carriers
from header import header

RECORD = "0123456789abcdef"
X264 = "-c:v libx264 -crf"
EVEN = "trunc(iw*{0}/2)*2:trunc(ih*{0}/2)*2"
ATTACKS: dict[str, tuple[str, str]] = {  # FFmpeg filter, encoder
    "own encode": ("", ""),
    "stream copy": ("", "-c copy"),
    "crf18": ("null", f"{X264} 18"),
    "crf23": ("null", f"{X264} 23"),
    "crf28": ("null", f"{X264} 28"),
    "crf35": ("null", f"{X264} 35"),
    "hevc28": ("null", "-c:v libx265 -crf 28 -x265-params log-level=error"),
    "vp9": ("null", "-c:v libvpx-vp9 -crf 33 -b:v 0 -deadline realtime -cpu-used 6"),
    "jpeg": ("null", "-c:v mjpeg -q:v 8"),
    "half": (f"scale={EVEN.format(0.5)}", f"{X264} 23"),
    "x0.75": (f"scale={EVEN.format(0.75)}", f"{X264} 23"),
    "x1.5": (f"scale={EVEN.format(1.5)}", f"{X264} 23"),
    "crop25": (f"crop={EVEN.format(0.75)}:iw*0.07:ih*0.19", f"{X264} 23"),
    "crop45": (f"crop={EVEN.format(0.55)}:iw*0.2:ih*0.1", f"{X264} 23"),
    "flip": ("hflip", f"{X264} 23"),
    "turn90": ("transpose=1", f"{X264} 23"),
    "rotate2": ("rotate=2*PI/180:bilinear=1", f"{X264} 23"),
    "rotate5": ("rotate=5*PI/180:bilinear=1", f"{X264} 23"),
    "bright": ("eq=brightness=0.15", f"{X264} 23"),
    "dark": ("eq=brightness=-0.15", f"{X264} 23"),
    "contrast0.6": ("eq=contrast=0.6", f"{X264} 23"),
    "contrast1.5": ("eq=contrast=1.5", f"{X264} 23"),
    "grey": ("hue=s=0", f"{X264} 23"),
    "fps15": ("fps=15", f"{X264} 23"),
    "drop": ("select='mod(n,5)',setpts=N/FRAME_RATE/TB", f"{X264} 23"),
    "noise": ("noise=alls=8:allf=t", f"{X264} 23"),
    "blur": ("gblur=sigma=1", f"{X264} 23"),
    "last second": ("trim=start=1,setpts=PTS-STARTPTS", f"{X264} 23"),
    "crop25+flip+half": (f"crop={EVEN.format(0.75)}:iw*0.07:ih*0.19,hflip,scale={EVEN.format(0.5)}", f"{X264} 23"),
}


def sway(picture: np.ndarray, frames: int, fps: float = 25.0) -> np.ndarray:
    """A clip (T, H, W, 3) of a still: what lies in a soft oval about its middle moves by about a hundredth."""
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    radius = np.hypot((x / width - 0.5) / 0.33, (y / height - 0.5) / 0.5)
    head = 1 / (1 + np.exp(np.clip((radius - 1) * 18, -40, 40)))
    clip = np.empty((frames, height, width, 3), np.uint8)
    for index, out in enumerate(clip):
        time_ = index / fps
        across = x + 0.012 * width * np.sin(2.0 * time_) * head
        down = y + 0.008 * height * np.sin(2.7 * time_ + 1) * head
        cv2.remap(picture, across, down, cv2.INTER_CUBIC, dst=out, borderMode=cv2.BORDER_REFLECT)
    return clip


def load(path: Path, seconds: float, size: int | None) -> tuple[np.ndarray, Fraction]:
    """Frames of a clip, or of a still that is made to move, with even sides."""
    try:
        picture = read_image(path)
    except InputError:
        reader = VideoReader(path, seconds=seconds)
        return np.concatenate(list(reader))[:, : reader.height // 2 * 2, : reader.width // 2 * 2], reader.fps
    if size:
        scale = size / min(picture.shape[:2])
        target = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        picture = cv2.resize(picture, target, interpolation=cv2.INTER_AREA)
    return sway(picture, round(seconds * 25)), Fraction(25)


def write(frames: np.ndarray, fps: Fraction, path: Path) -> None:
    with VideoWriter(path, width=frames.shape[2], height=frames.shape[1], fps=fps) as writer:
        writer.write(frames)


def compare(marked: np.ndarray, frames: np.ndarray, fps: Fraction) -> dict[str, float]:
    """Luma PSNR, SSIM and VMAF, where there is one, of marked frames against the frames before."""
    ffmpeg = os.environ.get("FFMPEG_VMAF", "ffmpeg")
    filters = subprocess.run([ffmpeg, "-hide_banner", "-filters"], capture_output=True, text=True, check=True).stdout
    measures = {"psnr": "y:", "ssim": "Y:"} | ({"libvmaf": "VMAF score:"} if "libvmaf" in filters else {})
    raw = f"-f rawvideo -pix_fmt rgb24 -s {frames.shape[2]}x{frames.shape[1]} -r {fps} -i".split()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        names = [f"{folder}/{name}.rgb" for name in ("marked", "before")]
        for name, clip in zip(names, (marked, frames), strict=True):
            clip.tofile(name)
        for measure, label in measures.items():
            to_yuv = "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p"
            graph = f"[0]{to_yuv}[a];[1]{to_yuv}[b];[a][b]{measure}"
            command = [ffmpeg, "-hide_banner", *raw, names[0], *raw, names[1], "-lavfi", graph, "-f", "null", "-"]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
            found[measure.removeprefix("lib")] = float(said.rsplit(label, 1)[1].split()[0])
    return found


def attacked(source: Path, name: str) -> Path:
    """The file after an attack, beside it."""
    filters, encoder = ATTACKS[name]
    if not encoder:
        return source
    target = source.with_name(f"{name}.{'avi' if 'mjpeg' in encoder else 'webm' if 'vp9' in encoder else 'mp4'}")
    picture = [] if "copy" in encoder else ["-vf", filters, "-pix_fmt", "yuvj420p" if "mjpeg" in encoder else "yuv420p"]
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *picture, *encoder.split(), str(target)]
    subprocess.run(command, check=True)
    return target


def attack(path: Path, seconds: float, size: int | None, names: list[str]) -> dict[str, object]:
    frames, fps = load(path, seconds, size)
    marker = VideoMarker(RECORD, width=frames.shape[2], height=frames.shape[1], fps=float(fps))
    began = time.process_time()
    marked = marker.mark(frames, 0)
    spent = time.process_time() - began
    row: dict[str, object] = {
        "file": path.name,
        "size": [frames.shape[2], frames.shape[1]],
        "frames": len(frames),
        "mark_ms_per_frame": round(1000 * spent / len(frames), 2),
        **compare(marked, frames, fps),
    }
    with tempfile.TemporaryDirectory() as folder:
        write(marked, fps, Path(folder) / "sealed.mp4")
        for name in names:
            target = attacked(Path(folder) / "sealed.mp4", name)
            wall, cpu = time.perf_counter(), time.process_time()
            reading = read_mark(target)
            row[name] = {
                "recovered": reading.record_id == RECORD,
                "p": float(f"{reading.p_value:.1e}"),
                "cpu_seconds": round(time.process_time() - cpu, 2),
                "wall_seconds": round(time.perf_counter() - wall, 2),
                **{key: reading.details.get(key) for key in ("pilot_z", "bits_corrected", "scale", "rotation")},
            }
    return row


def null(paths: list[Path], keys: int) -> dict[str, object]:
    """How often unmarked files read as what; `as_is` alone (the first stage) under many keys, everything under one."""
    found, full, as_is = [], [], []
    for path in paths:
        spectrum, short_side, _ = read._spectrum(path, 250)
        if spectrum is None:
            continue
        reading = read_mark(path)
        full.append(reading.p_value)
        found += [path.name] if reading.found else []
        first = next(geometry.stages(short_side))
        for index in range(keys):
            known = carriers.__wrapped__(hashlib.sha256(f"{path.name} {index}".encode()).digest())
            score = geometry.lattice(spectrum, known, first)[0].z
            as_is.append(len(first) * geometry.GRID**2 * float(np.exp(-score * score / 2)))
    levels = (0.5, 0.1, 0.01, 1e-3, 1e-4, 1e-5)
    return {
        "found": found,
        "files": len(full),
        "share_of_readings_at_or_below": {str(level): float(np.mean(np.array(full) <= level)) for level in levels},
        "trials_as_is": len(as_is),
        "share_of_trials_at_or_below": {str(level): float(np.mean(np.array(as_is) <= level)) for level in levels},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("attack", "null"))
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each clip")
    parser.add_argument("--size", type=int, help="short side that stills are scaled to, px")
    parser.add_argument("--attacks", default=",".join(ATTACKS))
    parser.add_argument("--keys", type=int, default=100, help="that nobody used, for each file")
    given = parser.parse_args()
    if given.what == "attack":
        rows = [attack(path, given.seconds, given.size, given.attacks.split(",")) for path in given.files]
        result: dict[str, object] = {"clips": rows}
    else:
        result = null(given.files, given.keys)
    print(json.dumps({**header(), **result}, indent=1))


if __name__ == "__main__":
    main()
