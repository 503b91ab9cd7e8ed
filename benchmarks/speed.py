"""Speed and memory, end to end.

    python benchmarks/speed.py generate PORTRAIT SPEECH [--size 512] [--long-seconds 600]
    python benchmarks/speed.py verify FILE
    python benchmarks/speed.py scan FILE

`generate` prints four numbers, since each alone misleads: animation only (no mark, no encode), file in → sealed file,
time to the first frame, and peak memory of a whole process at 10 s and at the long length.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from header import header

SHORT_SECONDS = 10


def loop(speech: Path, seconds: float, target: Path) -> Path:
    """A wav of exactly `seconds`, the speech repeated."""
    import wave

    from facewright.core.media import read_audio

    samples = np.resize(read_audio(speech, rate=16000), round(seconds * 16000))
    with wave.open(str(target), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16000)
        wav.writeframes((samples * 32767).astype("<i2").tobytes())
    return target


def whole_process(arguments: list[str]) -> dict[str, float]:
    """Wall seconds and peak resident MiB of one `facewright` process."""
    code = (
        "import resource, sys; from facewright.cli.main import run; code = run(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    began = time.perf_counter()
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    if ran.returncode:
        sys.exit(ran.stderr + ran.stdout)
    return {"wall_seconds": time.perf_counter() - began, "peak_mib": int(ran.stderr.split()[-1]) / 1024}


def generate(portrait: Path, speech: Path, size: int, long_seconds: float) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        short = loop(speech, SHORT_SECONDS, Path(folder) / "short.wav")
        long = loop(speech, long_seconds, Path(folder) / "long.wav")
        target = Path(folder) / "out.mp4"
        from facewright.generate import load

        began = time.perf_counter()
        clip = load()(portrait, short, size=size)
        first = 0.0
        for _ in clip:
            first = first or time.perf_counter() - began
        began = time.perf_counter()
        for _ in clip._unmarked():
            pass
        animate = time.perf_counter() - began
        began = time.perf_counter()
        sealed = clip.save(target, force=True)
        save = time.perf_counter() - began
        command = ["generate", str(portrait), "{}", "-o", str(target), "--size", str(size), "--force", "-q"]
        short_run = whole_process([part.format(short) for part in command])
        long_run = whole_process([part.format(long) for part in command])
    return {
        "size": [clip.width, clip.height],
        "fps": float(clip.fps),
        "animate_only": {"seconds": animate, "times_real_time": SHORT_SECONDS / animate},
        "save": {"seconds": save, "times_real_time": SHORT_SECONDS / save, "stages": sealed.compute},
        "first_frame_seconds": first,
        f"process_{SHORT_SECONDS}s": {**short_run, "times_real_time": SHORT_SECONDS / short_run["wall_seconds"]},
        f"process_{long_seconds:g}s": {**long_run, "times_real_time": long_seconds / long_run["wall_seconds"]},
        "memory_ratio": long_run["peak_mib"] / short_run["peak_mib"],
    }


def timed(verb: str, file: Path) -> dict[str, object]:
    """In-process time (second call, everything loaded) and whole-process time of `verify` or `scan`."""
    from facewright.core.media import probe

    import facewright

    work = getattr(facewright, verb)
    work(file)
    began = time.perf_counter()
    work(file)
    warm = time.perf_counter() - began
    seconds = probe(file).seconds
    ran = subprocess.run(
        [sys.executable, "-m", "facewright", verb, str(file), "--json"], capture_output=True, text=True, check=False
    )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "video_seconds": seconds,
        "warm_seconds": warm,
        "times_real_time": seconds / warm,
        "exit": ran.returncode,
        "process_peak_mib": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    make = verbs.add_parser("generate")
    make.add_argument("portrait", type=Path)
    make.add_argument("speech", type=Path)
    make.add_argument("--size", type=int, default=512)
    make.add_argument("--long-seconds", type=float, default=600)
    for verb in ("verify", "scan"):
        verbs.add_parser(verb).add_argument("file", type=Path)
    given = parser.parse_args()
    if given.verb == "generate":
        figures = generate(given.portrait, given.speech, given.size, given.long_seconds)
    else:
        figures = timed(given.verb, given.file)
    print(json.dumps({"benchmark": f"speed {given.verb}", **header(), "figures": figures}, indent=2))


if __name__ == "__main__":
    main()
