"""What `speech` and `retarget` run with, as two files: `voice.safetensors` and `motion.safetensors`, half precision."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from ....core import weights
from ....core.errors import AssetError
from .basis import Basis
from .expression import Looks
from .head_motion import HeadStatistics
from .params import VoiceParams
from .speech import SpeechMotion
from .voice import Listener, PhoneNet

FOLDER = Path(__file__).parent / "weights"
VOICE, MOTION, RECORD = "voice.safetensors", "motion.safetensors", "record.json"


def save_voice(net: PhoneNet, path: Path) -> None:
    """Write a network with its sizes."""
    arrays = {
        name: value.detach().half().numpy() for name, value in net.state_dict().items() if value.is_floating_point()
    }
    save_file(arrays, path, {"params": json.dumps(asdict(net.params))})


def load_voice(path: Path) -> PhoneNet:
    """Read a network.

    Raises:
        AssetError: `bad_weights` if the file is not one of ours.
    """
    arrays, meta = _read(path)
    try:
        sizes = json.loads(meta["params"])
        net = PhoneNet(VoiceParams(**{**sizes, "blocks": tuple(tuple(block) for block in sizes["blocks"])}))
        state = {name: torch.from_numpy(array.astype(np.float32)) for name, array in arrays.items()}
        missing = net.load_state_dict(state, strict=False).missing_keys
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise AssetError("bad_weights", f"{path} holds no network of this version: {error}", _AGAIN) from error
    if any(not name.endswith("num_batches_tracked") for name in missing):
        raise AssetError("bad_weights", f"{path} lacks {', '.join(missing)}", _AGAIN)
    return net.eval()


def save_motion(basis: Basis, looks: Looks, head: HeadStatistics, path: Path) -> None:
    """Write everything that is not the network."""
    arrays = {
        "basis.components": basis.components,
        **{f"basis.directions.{name}": value for name, value in basis.directions.items()},
        **{f"basis.emotions.{name}": value for name, value in basis.emotions.items()},
        "looks.kernel": looks.kernel,
        "looks.posture": looks.posture,
    }
    half = {name: np.ascontiguousarray(value, np.float16) for name, value in arrays.items()}
    exact = {f"head.{name}": np.ascontiguousarray(value, np.float64) for name, value in asdict(head).items()}
    save_file({**half, **exact}, path, {"lower": str(basis.lower)})


def load_basis(path: Path) -> tuple[Basis, Looks, HeadStatistics]:
    """Read what `save_motion` wrote."""
    arrays, meta = _read(path)
    try:
        single = {name: array.astype(np.float32) for name, array in arrays.items() if not name.startswith("head.")}

        def group(prefix: str) -> dict[str, np.ndarray]:
            return {name.removeprefix(prefix): array for name, array in single.items() if name.startswith(prefix)}

        basis = Basis(
            single["basis.components"], int(meta["lower"]), group("basis.directions."), group("basis.emotions.")
        )
        looks = Looks(single["looks.kernel"], single["looks.posture"])
        parts = ("transition", "innovation", "spread", "hold")
        return basis, looks, HeadStatistics(*(arrays[f"head.{part}"] for part in parts))
    except KeyError as error:
        raise AssetError("bad_weights", f"{path} lacks {error}", _AGAIN) from error


@cache
def load_motion(folder: Path = FOLDER) -> SpeechMotion:
    """The trained model in `folder`: the shipped one, or one from `facewright train meshwarp`.

    Raises:
        AssetError: `bad_record`, `weights_missing`, `hash_mismatch`, `bad_weights`.
    """
    weights.check(weights.read_record(folder / RECORD))
    basis, looks, head = load_basis(folder / MOTION)
    return SpeechMotion(Listener(load_voice(folder / VOICE)), looks, basis, head)


_AGAIN = "Install facewright again, or train anew."


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        with safe_open(path, "np") as stored:
            return {name: stored.get_tensor(name) for name in stored.keys()}, stored.metadata() or {}  # noqa: SIM118
    except FileNotFoundError as error:
        raise AssetError("weights_missing", f"{path} is not there", _AGAIN) from error
    except Exception as error:  # safetensors raises its own type, which it does not export in all versions
        raise AssetError("bad_weights", f"{path} is not a safetensors file: {error}", _AGAIN) from error
