"""Mutated inputs through `verify`: no crash, no hang, no leak, and never a valid signature over changed media.

    python scripts/fuzz.py --count 100000 --work fuzzed

Media, manifests, sidecars, certificates and rows of the store are mutated; number N names the same changes on every
machine, to a clip that differs in its keys alone.
Each runs in a worker process with a limit on memory; a worker that dies or is silent for too long is a finding, and the
next one goes on behind it. The search for the watermark, which sees decoded pixels only and takes seconds, runs in
every hundredth; elsewhere the file is decoded, and half of the inputs are said to carry the mark.

Findings go to WORK/findings with the input that caused them. Exit code 1 if there are any.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import select
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facewright.provenance import MarkReading

KINDS = "media", "boxes", "manifest", "sidecar", "certificate", "row"
RECORD = "0123456789abcdef"
SILENCE = 60.0  # seconds after which a worker hangs
MEMORY = 6 << 30  # address space of a worker
LEAK = 64 << 20  # bytes by which a worker may grow between its 500th input and its last
BATCH = 5000  # inputs of one worker
SEARCH = 100  # the search for the mark runs in every so many-th input
UNHASHED = {"ftyp", "free", "skip", "mfra", "uuid"}
STATES = {"trusted", "valid-untrusted", "invalid", "revoked", "conflict", "recovered", "recovered-mismatch"}
STATES.add("nothing-found")
VALID = {"trusted", "valid-untrusted"}


def prepare(work: Path) -> None:
    """What is mutated: a small signed clip with its row, the same without its manifest, its manifest, certificates."""
    import c2pa
    import numpy as np
    from facewright.core.media import VideoWriter
    from facewright.provenance import Ingredient, Record, Store, default_signer
    from facewright.provenance import fingerprint as likeness
    from facewright.provenance.manifest import OFFLINE, definition, native_signer, sign

    work.mkdir(parents=True, exist_ok=True)
    (work / "findings").mkdir(exist_ok=True)
    if (work / "signed.mp4").exists():
        return
    y, x = np.mgrid[:96, :96]
    frames = np.stack([np.stack([x * 2 + 5 * k, y * 2, x + y], -1) % 256 for k in range(4)]).astype(np.uint8)
    with VideoWriter(work / "bare.mp4", width=96, height=96, fps=25) as writer:
        writer.write(frames)
    with VideoWriter(work / "bare.mkv", width=96, height=96, fps=25) as writer:
        writer.write(frames)
    stills = likeness.measure(work / "bare.mp4").to_bytes()
    voice = Ingredient("", "audio", "voice.wav", "0" * 64, 1)
    record = Record(
        "fuzz", "1", {}, 0, {}, (voice,), record_id=RECORD, created="2026-01-01T00:00:00Z",
        versions={"facewright": "0"}, width=96, height=96, fps="25", frames=4, seconds=0.16,
        fingerprint_sha256=likeness.digest(stills),
    )  # fmt: skip
    manifest = sign(work / "bare.mp4", work / "signed.tmp.mp4", record, default_signer(), "signed.mp4")
    Store().add(record, manifest, stills)
    with (
        c2pa.Context.from_dict(OFFLINE) as context,
        c2pa.Builder.from_json(definition(replace(record, ingredients=()), "bare.mp4"), context=context) as builder,
        open(work / "bare.mp4", "rb") as reading,
        open(work / "copy.mp4", "w+b") as writing,
    ):
        builder.set_no_embed()
        (work / "bare.c2pa").write_bytes(builder.sign(native_signer(default_signer()), "video/mp4", reading, writing))
    shutil.copy(Path(os.environ["FACEWRIGHT_HOME"]) / "keys" / "local-ca.crt", work / "anchors.pem")
    os.replace(work / "signed.tmp.mp4", work / "signed.mp4")


def mutate(data: bytes, rng: random.Random, at: int = 0, end: int | None = None) -> bytes:
    """One to eight changes between `at` and `end`: bits, bytes, extreme numbers, blocks lost, doubled, moved."""
    buffer = bytearray(data)
    end = len(buffer) if end is None else end
    for _ in range(rng.choice((1, 1, 1, 2, 4, 8))):
        place = rng.randrange(at, max(at + 1, min(end, len(buffer))))
        length = min(rng.choice((1, 2, 4, 8, 64, 1024)), max(0, len(buffer) - place))
        match rng.randrange(8):
            case 0 if length:
                buffer[place] ^= 1 << rng.randrange(8)
            case 1 if length:
                buffer[place] = rng.randrange(256)
            case 2 if length >= 4:
                number = rng.choice((0, 1, 7, 8, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, len(buffer), 1 << 20))
                buffer[place : place + 4] = number.to_bytes(4, "big")
            case 3:
                del buffer[place : place + length]
            case 4:
                buffer[place:place] = buffer[place : place + length]
            case 5:
                buffer[place:place] = rng.randbytes(length)
            case 6:
                other = rng.randrange(at, max(at + 1, min(end, len(buffer))))
                buffer[other : other + length] = buffer[place : place + length]
            case 7 if rng.random() < 0.3:
                del buffer[place:]
    return bytes(buffer)


def mutate_boxes(data: bytes, rng: random.Random) -> bytes:
    """Top-level boxes dropped, doubled, exchanged or added, with junk inside."""
    from io import BytesIO

    from facewright.provenance.boxes import top_level

    parts = [data[box.start : box.end] for box in top_level(BytesIO(data))]
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(parts) + 1)
        match rng.randrange(4):
            case 0 if len(parts) > 1:
                del parts[place % len(parts)]
            case 1:
                parts.insert(place, rng.choice(parts))
            case 2:
                rng.shuffle(parts)
            case 3:
                junk = rng.randbytes(rng.choice((0, 4, 40, 400)))
                kind = rng.choice((b"free", b"uuid", b"mdat", b"moof", b"junk", b"mfra", b"skip"))
                parts.insert(place, (len(junk) + 8).to_bytes(4, "big") + kind + junk)
    return b"".join(parts)


class Inputs:
    """Writes input number N and runs it; the files it mutates are read once."""

    def __init__(self, work: Path, scratch: Path) -> None:
        from facewright.core.paths import home
        from facewright.provenance.boxes import manifest_span

        self.scratch = scratch
        self.signed, self.bare = (work / "signed.mp4").read_bytes(), (work / "bare.mp4").read_bytes()
        self.matroska, self.sidecar = (work / "bare.mkv").read_bytes(), (work / "bare.c2pa").read_bytes()
        self.anchors = (work / "anchors.pem").read_bytes()
        self.database = (home() / "records.sqlite").read_bytes()
        with open(work / "signed.mp4", "rb") as file:
            self.span = manifest_span(file) or (0, 0)

    def run(self, number: int) -> tuple[str, str]:
        """Kind and outcome: a state, `error CODE`, or `FINDING …`."""
        from facewright.core.errors import FacewrightError
        from facewright.provenance import Store, evidence, read_mark, verify
        from facewright.provenance.revocation import Enquiry

        rng = random.Random(number)
        kind = KINDS[number % len(KINDS)]
        path, trust, store, enquiry = self.scratch / "x.mp4", self.scratch / "anchors.pem", None, Enquiry()
        media, anchors = self.signed, self.anchors
        evidence.read_mark = read_mark if number % SEARCH == 0 else _decoded(rng.random() < 0.5)
        for left in self.scratch.iterdir():
            left.unlink()
        match kind:
            case "media":
                media = mutate(media, rng)
            case "boxes":
                media = mutate_boxes(media, rng)
            case "manifest":
                media = mutate(media, rng, *self.span)
            case "sidecar":
                if rng.random() < 0.5:
                    path, media = self.scratch / "x.mkv", self.matroska
                else:
                    media = self.bare if rng.random() < 0.7 else mutate(self.bare, rng)
                sidecar = self.sidecar if rng.random() < 0.1 else mutate(self.sidecar, rng)
                path.with_suffix(".c2pa").write_bytes(sidecar)
            case "certificate":
                if rng.random() < 0.5:
                    anchors = mutate(anchors, rng)
                else:  # inside the manifest, and a revocation list that is none
                    begin = self.signed.find(b"\x30\x82", self.span[0])
                    media = mutate(media, rng, begin, begin + 1200)
                    (self.scratch / "x.crl").write_bytes(mutate(anchors, rng))
                    enquiry = Enquiry(lists=(self.scratch / "x.crl",)) if rng.random() < 0.2 else enquiry
            case "row":
                store = Store(f"sqlite:///{self._row(rng)}")
                media = self.bare if rng.random() < 0.5 else media
        path.write_bytes(media)
        trust.write_bytes(anchors)
        try:
            state = verify(path, trust=trust, store=store, enquiry=enquiry).state
        except FacewrightError as error:
            return kind, f"error {error.code}" if error.exit_code != 1 else f"FINDING our bug: {error.message}"
        except Exception as error:
            return kind, f"FINDING {type(error).__name__}: {error}"
        if state not in STATES:
            return kind, f"FINDING no such state: {state}"
        if state in VALID and _media(media) not in (_media(self.signed), _media(self.bare)):
            return kind, f"FINDING {state} although the media was changed"
        return kind, state

    def _row(self, rng: random.Random) -> Path:
        """A copy of the store with one damaged row, or damaged itself."""
        path = self.scratch / "rows.sqlite"
        if rng.random() < 0.2:
            path.write_bytes(mutate(self.database, rng))
            return path
        path.write_bytes(self.database)
        with sqlite3.connect(path) as database:
            column = rng.choice(("record", "manifest", "fingerprint", "record_id", "created"))
            (value,) = database.execute(f"SELECT {column} FROM records").fetchone()
            raw = mutate(value if isinstance(value, bytes) else value.encode(), rng)
            damaged = raw if isinstance(value, bytes) else raw.decode("utf-8", "replace")
            if rng.random() < 0.2:
                damaged = rng.choice((None, 0, 1.5, "", b""))
            for trigger in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{trigger[0]}"')
            with contextlib.suppress(sqlite3.IntegrityError):
                database.execute(f"UPDATE records SET {column} = ?", (damaged,))
        database.close()
        return path


def _decoded(found: bool) -> Callable[..., MarkReading]:
    """In place of `read_mark`: decodes the file, then says what it was told to."""
    from facewright.core.media import VideoReader
    from facewright.provenance import MarkReading

    def read(source: Path, **_: object) -> MarkReading:
        for _chunk in VideoReader(source):
            pass
        return MarkReading(found, RECORD if found else None, 1e-12 if found else 0.5, {})

    return read


def _media(data: bytes) -> list[bytes]:
    from io import BytesIO

    from facewright.provenance.boxes import top_level

    return [data[box.start : box.end] for box in top_level(BytesIO(data)) if box.kind not in UNHASHED]


def work_through(work: Path, first: int, last: int) -> None:
    """A worker: a line of JSON for each input."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    scratch = work / f"scratch-{os.getpid()}"
    scratch.mkdir()
    inputs = Inputs(work, scratch)
    try:
        for number in range(first, last):
            begin = time.perf_counter()
            kind, outcome = inputs.run(number)
            if outcome.startswith("FINDING"):
                keep(work, number, scratch)
            line = [number, kind, outcome, round(time.perf_counter() - begin, 3), _resident()]
            print(json.dumps(line), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def keep(work: Path, number: int, scratch: Path) -> None:
    shutil.copytree(scratch, work / "findings" / str(number), dirs_exist_ok=True)


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def lines(work: Path, first: int, last: int) -> Iterator[list]:
    """What workers report for the inputs; one that dies or hangs is replaced behind the input that did it."""
    command = [sys.executable, __file__, "--work", str(work), "--worker"]
    while first < last:
        stop = min(last, first + BATCH)
        worker = subprocess.Popen([*command, str(first), str(stop)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert worker.stdout
        scratch = work / f"scratch-{worker.pid}"
        while first < stop:
            ready, _, _ = select.select([worker.stdout], [], [], SILENCE)
            text = worker.stdout.readline() if ready else b""
            if not text:
                worker.kill()
                reason = f"died with {worker.wait()}" if ready else f"was silent for {SILENCE:.0f} s"
                if scratch.exists():
                    keep(work, first, scratch)
                yield [first, KINDS[first % len(KINDS)], f"FINDING the worker {reason}", SILENCE, 0]
                first += 1
                break
            yield json.loads(text)
            first += 1
        worker.kill()
        worker.wait()
        shutil.rmtree(scratch, ignore_errors=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--work", type=Path, required=True, help="a folder for what is made")
    parser.add_argument("--worker", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    work = options.work.absolute()
    os.environ.update(FACEWRIGHT_HOME=str(work / "home"), FACEWRIGHT_CACHE=str(work / "cache"), OMP_NUM_THREADS="1")
    if options.worker:
        work_through(work, *options.worker)
        return 0
    prepare(work)
    begin, seen, findings, slowest = time.monotonic(), Counter(), [], [0.0]
    base: dict[int, int] = {}
    done = 0
    for number, kind, outcome, seconds, resident in lines(work, options.first, options.first + options.count):
        done += 1
        seen[kind, outcome if not outcome.startswith("FINDING") else "FINDING"] += 1
        slowest = max(slowest, [seconds, number])
        place = (number - options.first) % BATCH
        batch = (number - options.first) // BATCH
        if place == 500:
            base[batch] = resident
        if place == BATCH - 1 and batch in base and resident - base[batch] > LEAK:
            outcome = f"FINDING the worker grew by {(resident - base[batch]) >> 20} MiB in {BATCH} inputs"
        if outcome.startswith("FINDING"):
            findings.append({"number": number, "kind": kind, "finding": outcome})
            print(json.dumps(findings[-1]), file=sys.stderr, flush=True)
        if time.monotonic() - begin > options.seconds:
            break
    report = {
        "inputs": done,
        "seconds": round(time.monotonic() - begin, 1),
        "slowest": slowest,
        "outcomes": {f"{kind}: {outcome}": count for (kind, outcome), count in sorted(seen.items())},
        "findings": findings,
    }
    print(json.dumps(report, indent=1))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
