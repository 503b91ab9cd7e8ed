"""What signing and validating cost, against copying and hashing the same file in the same run.

    python benchmarks/signing.py --megabytes 100

Prints the best of several runs. The floor: `copy` (shutil.copyfile) and `hash` (SHA-256 of the whole file, one core).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from facewright.core.media import VideoWriter
from facewright.provenance import Ingredient, Record, default_signer
from facewright.provenance.boxes import top_level
from facewright.provenance.manifest import sign
from facewright.provenance.reading import read_manifest
from header import header

GOALS = {"sign / (copy + hash)": 1.5, "validate / hash": 1.3}


def film(path: Path, megabytes: float) -> None:
    """A playable MP4 of this size: a few noisy frames, and noise behind them in the same box, which no index names."""
    rng = np.random.default_rng(0)
    with VideoWriter(path, width=512, height=512, fps=25, crf=10) as writer:
        for _ in range(2):
            writer.write(rng.integers(0, 255, (4, 512, 512, 3), np.uint8))
    with open(path, "r+b") as file:
        *_, last = top_level(file)
        assert last.kind == "mdat"
        assert last.header == 8
        size = max(0, round(megabytes * 1e6) - last.end)
        file.seek(last.start)
        file.write((last.size + size).to_bytes(4, "big"))
        file.seek(last.end)
        block = rng.bytes(1 << 20)
        for _ in range(size >> 20):
            file.write(block)
        file.write(block[: size & 0xFFFFF])


def best(repeats: int, work: Callable[[], object]) -> tuple[float, float]:
    """Least seconds by the clock, and of processor time; the second counts where others use the machine too."""
    clock, processor = [], []
    for _ in range(repeats):
        begin = time.perf_counter(), time.process_time()
        work()
        clock.append(time.perf_counter() - begin[0])
        processor.append(time.process_time() - begin[1])
    return min(clock), min(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write; the system's temporary folder if not said")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        os.environ["FACEWRIGHT_HOME"] = str(folder / "home")
        source, copy, signed = folder / "source.mp4", folder / "copy.mp4", folder / "signed.mp4"
        film(source, options.megabytes)
        voice = Ingredient("", "audio", "voice.wav", "0" * 64, 1)
        record = Record(
            "bench", "1", {}, 0, {}, (voice,), record_id="0123456789abcdef", created="2026-01-01T00:00:00Z",
            versions={"facewright": "0"}, width=512, height=512, fps="25", frames=8, seconds=0.32,
        )  # fmt: skip
        signer = default_signer()

        def sign_once() -> None:
            signed.unlink(missing_ok=True)
            sign(source, signed, record, signer, "signed.mp4")

        def hash_once() -> str:
            with open(source, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

        def copy_once() -> None:
            copy.unlink(missing_ok=True)
            shutil.copyfile(source, copy)

        jobs = {"copy": copy_once, "hash": hash_once, "sign": sign_once}
        taken = {name: best(options.repeats, job) for name, job in jobs.items()}
        reading = read_manifest(signed)
        assert reading.valid, reading.failures
        taken["validate"] = best(options.repeats, lambda: read_manifest(signed))
        for name in ("copy", "hash"):
            again = best(options.repeats, jobs[name])
            taken[name] = min(taken[name][0], again[0]), min(taken[name][1], again[1])
        megabytes = source.stat().st_size / 1e6
    report = {"header": header(), "megabytes": round(megabytes, 1), "goals": GOALS}
    for place, kind in enumerate(("clock", "processor")):
        seconds = {name: each[place] for name, each in taken.items()}
        ratios = (seconds["sign"] / (seconds["copy"] + seconds["hash"]), seconds["validate"] / seconds["hash"])
        report[kind] = {f"{name} ms": round(1000 * value, 1) for name, value in seconds.items()}
        report[kind] |= {name: round(ratio, 2) for name, ratio in zip(GOALS, ratios, strict=True)}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
