"""Build a sealed video again from its own record: same inputs, same weights, same seed, so the same pixels."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import AssetError, InputError
from ..provenance import Store, verify
from ..provenance.record import sha256_file
from .drive import SpeechDrive, VideoDrive
from .talker import load

if TYPE_CHECKING:
    from .clip import Clip

OPTIONS = ("fps", "size", "face", "seconds", "drive")  # what Clip adds to the controls of its method


def replay(
    path: str | Path,
    *,
    portrait: str | Path | None = None,
    drive: str | Path | None = None,
    device: str = "auto",
    store: Store | None = None,
) -> Clip:
    """The clip that a sealed video came from, with a record id of its own.

    Args:
        path: the sealed video; its manifest may be gone if this installation's store knows its watermark.
        portrait, drive: where the inputs lie now; by default where they lay then.

    Raises:
        InputError: `no_record`, `input_missing`, `input_changed`.
        AssetError: `weights_changed`.
    """
    record = recorded(path, store=store)
    inputs = {item["role"]: item for item in record["ingredients"]}
    sound = inputs.get("audio") or inputs.get("video")
    if "portrait" not in inputs or sound is None:
        raise InputError("no_record", f"the record of {path} names no portrait or no drive", "")
    controls = dict(record["controls"])
    options = {name: controls.pop(name, None) for name in OPTIONS}
    kind = VideoDrive if options["drive"] == VideoDrive.kind else SpeechDrive
    clip = load(record["method"], device=device)(
        _input(inputs["portrait"], portrait),
        kind.open(_input(sound, drive), limit=options["seconds"]),
        seed=record["seed"],
        fps=Fraction(options["fps"]),
        size=options["size"],
        face=options["face"],
        consent=record["consent"],
        **controls,
    )
    if clip.weights != record["weights"]:
        raise AssetError(
            "weights_changed",
            f"{path} was made with other weights of {record['method']}",
            f"Install facewright {record['method_version']}.",
        )
    return clip


def recorded(path: str | Path, *, store: Store | None = None) -> Mapping[str, Any]:
    """What is known about how a sealed video was made: the store's record, else its signed manifest.

    Raises:
        InputError: `no_record`.
    """
    found = verify(path, store=store)
    return found


def _input(item: Mapping[str, Any], given: str | Path | None) -> Path:
    path = Path(given or item.get("path") or item["title"])
    if not path.is_file():
        raise InputError(
            "input_missing",
            f"the {item['role']} {item['title']} is not at {path}",
            "Say where it lies: --portrait, --speech or --driving.",
        )
    if sha256_file(path) != item["sha256"]:
        raise InputError("input_changed", f"{path} is not the {item['role']} that was used: its SHA-256 differs", "")
    return path
