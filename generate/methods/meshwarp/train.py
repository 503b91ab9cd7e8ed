"""Training of `meshwarp`, in stages that are skipped where a former run left their result.

speech    synthetic and real speech with phones → voice.safetensors
clips     tracked faces → OUT/tracks
motion    basis, looks of phones, head statistics → motion.safetensors
record    hashes, data, licences, figures → record.json
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import UsageError
from ....core.progress import Progress, Report, silent
from .motion_weights import FOLDER, MOTION, RECORD, VOICE, load_voice, save_motion, save_voice
from .presets import PRESETS, Preset
from .train_basis import learn_basis, smiling_pairs
from .train_clips import Clip, manifest, read_clips
from .train_espeak import Utterance, synthesise
from .train_expression import Spoken, calibrate, learn_looks
from .train_head import learn_head
from .train_speech import is_known, real_labels, real_speech
from .train_voice import train_voice
from .voice import Listener, PhoneNet

_PACKAGES = ("numpy", "torch", "pocketsphinx", "espeakng-loader", "mediapipe")
_LICENCES = {
    "code": "Apache-2.0",
    "weights": "Apache-2.0",
    "data": "public domain, CC BY 4.0, CC0, public addresses of office holders; see data",
}


def train(
    data: Path,
    out: Path,
    *,
    preset: str | None = None,
    seed: int = 0,
    dry_run: bool = False,
    progress: Report = silent,
) -> dict[str, Any]:
    """Learn everything that `meshwarp` moves by.

    Args:
        data: folder with MANIFEST.csv, speech, video_real and portraits/train; files of licence class A and B are used.
        out: folder for weights and record; what is finished there already is kept.
        preset: name in `presets.PRESETS`; "standard" if None.
        seed: of every draw.
        dry_run: say what would be done, and stop.

    Returns:
        What was made, by name: for the `--json` answer.

    Raises:
        UsageError: `unknown_preset`.
        AssetError: `data_missing`, `espeak_missing`, `pocketsphinx_missing`.
    """
    name = preset or "standard"
    if name not in PRESETS:
        raise UsageError("unknown_preset", f"meshwarp has no preset {name!r}", f"Choose one of: {', '.join(PRESETS)}.")
    chosen = PRESETS[name]
    if dry_run:
        return {"preset": name, "expect": chosen.expect, **_materials(data, chosen)}
    out.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    net = _voice(data, out, chosen, seed, progress)
    _motion(data, out, chosen, net, progress)
    made = {
        "command": f"facewright train meshwarp --preset {name} --seed {seed}",
        "seconds": round(time.monotonic() - began),
        "versions": {"python": platform.python_version(), **{pack: metadata.version(pack) for pack in _PACKAGES}},
    }
    _record(data, out, chosen, net, made)
    return {"preset": name, "weights": str(out), "record": str(out / RECORD), "seconds": made["seconds"]}


def _materials(data: Path, preset: Preset) -> dict[str, Any]:
    real = preset.training.real > 0
    return {
        "synthetic_utterances": preset.training.utterances,
        "steps": preset.training.steps,
        "recordings": len(manifest(data, "speech")) if real else 0,
        "clips": len(manifest(data, "video_real")) if preset.clips else 0,
    }


def _voice(data: Path, out: Path, preset: Preset, seed: int, progress: Report) -> PhoneNet:
    path = out / VOICE
    if not path.exists():
        progress(Progress("synthesise speech", 0, preset.training.utterances, "utterances"))
        synthetic = synthesise(preset.training.utterances, seed)
        real: list[Utterance] = real_speech(data) if preset.training.real > 0 else []
        net = train_voice(preset.voice, preset.training, synthetic, real, seed=seed, progress=progress)
        _whole(path, lambda part: save_voice(net, part))
    return load_voice(path)


def _motion(data: Path, out: Path, preset: Preset, net: PhoneNet, progress: Report) -> None:
    path = out / MOTION
    if path.exists():
        return
    if not preset.clips:
        _whole(path, lambda part: shutil.copyfile(FOLDER / MOTION, part))
        return
    clips = read_clips(data, out / "tracks", progress=progress)
    progress(Progress("learn expressions", 0, 3, "steps"))
    basis = learn_basis(clips, smiling_pairs(data))
    progress(Progress("learn how phones look", 1, 3, "steps"))
    listener, sounding = Listener(net), [clip for clip in clips if len(clip.samples)]
    looks = learn_looks(basis, spoken_clips(listener, sounding))
    looks = calibrate(basis, looks, listener, sounding)
    progress(Progress("learn how heads move", 2, 3, "steps"))
    head = learn_head(clips)
    _whole(path, lambda part: save_motion(basis, looks, head, part))


def spoken_clips(listener: Listener, clips: Sequence[Clip]) -> list[Spoken]:
    """Every clip as the network hears it, and once more with its words' phones where they are known."""
    found = []
    for clip in clips:
        found.append(Spoken(clip, np.concatenate([heard.phones for heard in listener.stream([clip.samples])])))
        if (labels := real_labels(clip.name, clip.samples)) is not None:
            found.append(Spoken(clip, np.eye(found[-1].phones.shape[1])[labels]))
    return found


def _whole(path: Path, write) -> None:
    """Write through a neighbour, so that a stage is there in full or not at all."""
    part = path.with_suffix(".part")
    write(part)
    part.chmod(0o644)
    part.replace(path)


def _record(data: Path, out: Path, preset: Preset, net: PhoneNet, made: dict[str, Any]) -> None:
    sources = [
        *([source for source in manifest(data, "speech") if is_known(source.name)] if preset.training.real > 0 else []),
        *([source for source in manifest(data, "video_real") if source.kind == "real"] if preset.clips else []),
    ]
    groups = Counter((str(source.path.parent.relative_to(data)), source.terms, source.licence) for source in sources)
    used = [f"{folder}: {count} files, class {terms}, {licence}" for (folder, terms, licence), count in groups.items()]
    used += ["portraits/train: Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0"] if preset.clips else []
    used += [f"{preset.training.utterances} sentences synthesised by espeak-ng"]
    record = {
        "name": "meshwarp",
        "architecture": f"convolutional phone network, {sum(p.numel() for p in net.parameters()):,} parameters; linear "
        "kernel from phones to 20 expression components; vector autoregression of head motion",
        "files": [_file(out / name) for name in (VOICE, MOTION)],
        "licences": _LICENCES,
        "data": used,
        "made": {**made, "preset": asdict(preset)},
        "metrics": {},
    }
    (out / RECORD).write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _file(path: Path) -> dict[str, Any]:
    raw = path.read_bytes()
    return {"file": path.name, "sha256": hashlib.sha256(raw).hexdigest(), "bytes": len(raw)}
