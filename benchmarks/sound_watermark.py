"""The sound watermark against attacks, and against sound that carries none.

    python benchmarks/sound_watermark.py attack FILE... [--seconds 10] [--trim 3] [--attacks aac64,noise20]
    python benchmarks/sound_watermark.py null [FILE...] [--pieces 1000] [--seconds 4] [--keys 20]

`attack` marks the sound of each file, does to it what people do, and reads: how many pieces give the exact id back, the
pilots' z, seconds; with `--trim`, of three pieces of that length instead of the whole. Beside it PESQ (wide band, ITU-T
P.862.2, where the package pesq is installed), noise-to-mask ratio by the marker's own model, and segmental SNR.

`null` reads sound without a mark (pieces of the files, with synthetic noise, tones and music among them), also under
keys that nobody used, and says how often which p-value came out: at most as often as the p-value says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from facewright.core.errors import InputError
from facewright.core.media import read_audio
from facewright.provenance.watermark.sound import SoundMarker, mask, read_sound_mark, search
from facewright.provenance.watermark.sound.cells import cells
from header import header

RECORD = "0123456789abcdef"
RATE, HEARD = 48_000, search.RATE
ATTACKS: dict[str, tuple[str, str, str]] = {  # FFmpeg filter, encoder, extension
    "none": ("anull", "-c:a pcm_f32le", "wav"),
    "aac64": ("anull", "-c:a aac -b:a 64k", "m4a"),
    "aac32": ("anull", "-c:a aac -b:a 32k", "m4a"),
    "mp3_96": ("anull", "-c:a libmp3lame -b:a 96k", "mp3"),
    "opus64": ("anull", "-c:a libopus -b:a 64k", "opus"),
    "opus24": ("anull", "-c:a libopus -b:a 24k", "opus"),
    "44.1": ("aresample=44100", "-c:a pcm_s16le", "wav"),
    "16k": ("aresample=16000,aresample=48000", "-c:a pcm_s16le", "wav"),
    "8k": ("aresample=8000,aresample=48000", "-c:a pcm_s16le", "wav"),
    "lowpass8k": ("lowpass=8000", "-c:a pcm_s16le", "wav"),
    "lowpass4k": ("lowpass=4000,lowpass=4000", "-c:a pcm_s16le", "wav"),
    "quieter20": ("volume=-20dB", "-c:a pcm_s16le", "wav"),
    "louder10": ("volume=10dB", "-c:a pcm_s16le", "wav"),
    "equalizer": ("equalizer=f=1000:t=q:w=1:g=-10,treble=g=8", "-c:a pcm_s16le", "wav"),
    "compressor": ("acompressor=threshold=-25dB:ratio=4", "-c:a pcm_s16le", "wav"),
    "echo": ("aecho=0.8:0.7:60:0.3", "-c:a pcm_s16le", "wav"),
    "speed+10": ("asetrate=52800,aresample=48000", "-c:a pcm_s16le", "wav"),
    "speed-10": ("asetrate=43200,aresample=48000", "-c:a pcm_s16le", "wav"),
    "tempo+10": ("atempo=1.1", "-c:a pcm_s16le", "wav"),
    "tempo-10": ("atempo=0.9", "-c:a pcm_s16le", "wav"),
    "stretch-7.7": ("rubberband=tempo=0.923", "-c:a pcm_s16le", "wav"),
    "pitch+10": ("rubberband=pitch=1.1", "-c:a pcm_s16le", "wav"),
    "pitch-10": ("rubberband=pitch=0.9", "-c:a pcm_s16le", "wav"),
    "speed+10 aac64": ("asetrate=52800,aresample=48000", "-c:a aac -b:a 64k", "m4a"),
}
ADDED = {"noise20": ("noise", 20), "noise30": ("noise", 30), "music10": ("music", 10)}  # dB below the sound


def music(samples: int, rng: np.random.Generator, rate: int = RATE) -> np.ndarray:
    """Chords of plucked strings with a drum, two beats a second."""
    time_, out = np.arange(samples) / rate, np.zeros(samples)
    for beat in np.arange(0, samples / rate, 0.5):
        since = np.maximum(time_ - beat, 0)
        for tone in rng.choice([220, 262, 330, 392, 440, 523, 660], 3):
            strings = sum(np.sin(2 * np.pi * tone * part * time_) / part for part in range(1, 8))
            out += (time_ >= beat) * np.exp(-3 * since) * strings
        out += (time_ >= beat) * np.exp(-40 * since) * rng.standard_normal(samples) * 0.8
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def attacked(sound: np.ndarray, name: str, rng: np.random.Generator) -> np.ndarray:
    """What the reader hears after an attack, at HEARD; added noise fills the reader's whole band."""
    if name in ADDED:
        kind, below = ADDED[name]
        other = music(len(sound), rng) if kind == "music" else rng.standard_normal(3 * len(sound)).astype(np.float32)
        heard, other = attacked(sound, "none", rng), attacked(other, "none", rng)[: len(sound) * HEARD // RATE]
        other = np.resize(other, len(heard))
        return heard + other * np.sqrt(np.mean(heard**2) / np.mean(other**2)) * np.float32(10 ** (-below / 20))
    filters, encoder, extension = ATTACKS[name]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"x.{extension}"
        raw = f"ffmpeg -v error -f f32le -ar {RATE} -ac 1 -i - -af {filters} {encoder}".split()
        subprocess.run([*raw, str(target)], input=sound.astype(np.float32).tobytes(), check=True)
        return read_audio(target, rate=HEARD)


def quality(before: np.ndarray, marked: np.ndarray) -> dict[str, float]:
    """PESQ; mean noise-to-mask ratio in dB over frames and Bark bands; segmental SNR in dB over 20 ms."""
    size = RATE // 25
    window = np.hanning(size)

    def spectra(sound: np.ndarray) -> np.ndarray:
        views = np.lib.stride_tricks.sliding_window_view(sound, size)[:: size // 2]
        return np.abs(np.fft.rfft(views * window, axis=1)) ** 2

    power, noise = spectra(before), spectra(marked - before)
    threshold, _, band = mask.thresholds(power, RATE / size, size**2 * 0.375 / 4)
    noise = np.add.reduceat(noise, np.searchsorted(band, np.arange(band[-1] + 1)), axis=1)
    loud = power.sum(axis=1) > 1e-6 * size**2
    rows = len(before) // 960
    signal, change = ((each[: rows * 960].reshape(rows, 960) ** 2).mean(axis=1) for each in (before, marked - before))
    snr = 10 * np.log10(signal[signal > 1e-6] / (change[signal > 1e-6] + 1e-12))
    found = {
        "noise_to_mask_db": round(10 * math.log10(float(np.mean((noise / threshold)[loud]))), 2),
        "segmental_snr_db": round(float(np.mean(np.clip(snr, -10, 60))), 2),
    }
    try:
        from pesq import pesq
    except ImportError:
        return found
    low = [attacked(each, "none", np.random.default_rng(0)) for each in (before, marked)]
    return {"pesq": round(float(pesq(HEARD, *low, "wb")), 2), **found}


def attack(paths: list[Path], seconds: float, trim: float | None, names: list[str]) -> dict[str, object]:
    rng = np.random.default_rng(0)
    clips, table = [], {}
    pieces: list[tuple[str, np.ndarray]] = []
    for path in paths:
        sound = read_audio(path, rate=RATE, seconds=seconds)
        began = time.process_time()
        marked = np.concatenate(list(SoundMarker(RECORD, rate=RATE).mark([sound])))
        spent = (time.process_time() - began) / (len(sound) / RATE)
        level = round(10 * math.log10(float(np.mean(sound**2)) + 1e-12), 1)
        row = {"file": path.name, "seconds": round(len(sound) / RATE, 2), "rms_db": level}
        clips.append({**row, "mark_cpu_of_real_time": round(spent, 4), **quality(sound, marked)})
        length = round(trim * RATE) if trim else len(marked)
        starts = np.linspace(0, max(0, len(marked) - length), 3 if trim else 1).astype(int)
        pieces += [(path.name, marked[start : start + length]) for start in starts]
    for name in names:
        found, missed, scores, cpu = 0, [], [], []
        for file, piece in pieces:
            heard = attacked(piece, name, rng)
            began = time.process_time()
            reading = read_sound_mark(heard)
            cpu.append(time.process_time() - began)
            scores.append(reading.details.get("pilot_z", 0.0))
            found += reading.record_id == RECORD
            missed += [] if reading.record_id == RECORD else [file]
        table[name] = {
            "recovered": f"{found}/{len(pieces)}",
            "missed": missed,
            "pilot_z": round(float(np.mean(scores)), 1),
            "cpu_seconds": [round(float(np.mean(cpu)), 2), round(max(cpu), 2)],
        }
    return {"clips": clips, "attacks": table}


def unmarked(paths: list[Path], pieces: int, seconds: float, seed: int) -> list[np.ndarray]:
    """Pieces at HEARD: of the files, at random places, and of noise, hum, sweeps and music."""
    rng, samples, out = np.random.default_rng(seed), round(seconds * HEARD), []
    sounds = []
    for path in paths:
        try:
            sounds.append(read_audio(path, rate=HEARD))
        except InputError:
            continue
    time_ = np.arange(samples) / HEARD
    made = [
        lambda: rng.standard_normal(samples) * 0.1,
        lambda: np.cumsum(rng.standard_normal(samples)) * 0.001,
        lambda: sum(np.sin(2 * np.pi * rng.uniform(80, 6000) * time_ + rng.uniform(0, 6)) for _ in range(6)) * 0.1,
        lambda: np.sin(2 * np.pi * (rng.uniform(100, 800) * time_ + rng.uniform(50, 900) * time_**2)) * 0.3,
        lambda: music(samples, rng, HEARD),
        lambda: rng.standard_normal(samples) * (np.sin(2 * np.pi * rng.uniform(0.5, 12) * time_) > 0) * 0.2,
    ]
    while len(out) < pieces:
        if sounds and len(out) % 4:
            whole = np.concatenate([sounds[k] for k in rng.integers(0, len(sounds), 4)])
            start = int(rng.integers(0, max(1, len(whole) - samples)))
            out.append(whole[start : start + samples])
        else:
            out.append(np.asarray(made[int(rng.integers(0, len(made)))](), np.float32))
    return out


def null(sounds: list[np.ndarray], keys: int) -> dict[str, object]:
    """Full readings under the public key; the pilots' z of sound as it is under keys that nobody used."""
    found, full, scores = 0, [], []
    for sound in sounds:
        reading = read_sound_mark(sound)
        found += reading.found
        full.append(reading.p_value)
        listener = search.Listener(sound)
        for number in range(keys):
            known = cells.__wrapped__(hashlib.sha256(sound[:999].tobytes() + bytes([number])).digest())
            scores.append(search.align(listener, known, 1.0, 1.0).z)
    z, p = np.array(scores), np.array(full)
    bound = search.OFFSETS * np.exp(-(z**2) / 2)
    tail = np.sort(z)[-max(20, len(z) // 50) :]  # of the top fiftieth, -ln p grows as z² / (2 s²)
    slope = 2 * float(np.mean(tail**2 / 2 - tail[0] ** 2 / 2))
    return {
        "found": found,
        "p_values_below_1": sorted(float(f"{each:.2g}") for each in p if each < 1),
        "pieces": len(full),
        "least_p": float(p.min()),
        "share_of_readings_at_or_below": {str(level): float(np.mean(p <= level)) for level in (0.5, 0.1, 0.01, 1e-3)},
        "readings_as_is": len(z),
        "greatest_z": round(float(z.max()), 2),
        "share_as_is_at_or_below": {
            str(level): float(np.mean(bound <= level)) for level in (0.5, 0.1, 0.01, 1e-3, 1e-4)
        },
        "fitted_tail": {"variance": round(slope / 2, 3), "bound": 1.0},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("attack", "null"))
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", type=float, help="of each file (10), or of a piece (4)")
    parser.add_argument("--trim", type=float, help="seconds of the pieces that are attacked")
    parser.add_argument("--attacks", default=",".join([*ATTACKS, *ADDED]))
    parser.add_argument("--pieces", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=20, help="that nobody used, for each piece")
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn into the pieces")
    given = parser.parse_args()
    if given.what == "attack":
        result = attack(given.files, given.seconds or 10.0, given.trim, given.attacks.split(","))
    else:
        result = null(unmarked(given.files, given.pieces, given.seconds or 4.0, given.seed), given.keys)
    print(json.dumps({**header(), **result}, indent=1))


if __name__ == "__main__":
    main()
