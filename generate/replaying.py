"""Build a sealed video again from its own record: same inputs, same weights, same seed, so the same pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import AssetError, InputError, VerifyError
from ..provenance import Store, verify
from ..provenance.labels import Label
from ..provenance.record import NO_CONSENT, sha256_file
from .drive import DialogueDrive, Drive, RendersDrive, SpeechDrive, VideoDrive
from .talker import load

if TYPE_CHECKING:
    from .clip import Clip

OPTIONS = ("fps", "size", "face", "seconds", "drive", "weights", "label")  # what a clip adds to a method's controls


@dataclass(frozen=True)
class Origin:
    """How a sealed video was made, as far as its record tells.

    Attributes:
        record_id: of the video.
        method, method_version, weights, seed, controls, consent: what made it.
        ingredients: role → title, sha256 and, from this installation's store, the path it had.
        pixels_sha256: digest of its frames before the mark; "" if unknown.
    """

    record_id: str
    method: str
    method_version: str
    weights: Mapping[str, str]
    seed: int
    controls: Mapping[str, Any]
    consent: str | None
    ingredients: Mapping[str, Mapping[str, Any]]
    pixels_sha256: str

    @classmethod
    def of(cls, path: str | Path, *, store: Store | None = None) -> Origin:
        """Ask the store by the watermark, else the signed manifest.

        Raises:
            InputError: `no_record`, or the file cannot be read.
            VerifyError: `contradicted` if signature, watermark and record do not agree.
        """
        found = verify(path, store=store)
        if found.exit_code == VerifyError.exit_code:
            raise VerifyError("contradicted", f"{path}: {found.state}", "See what `facewright verify` says of it.")
        known = found.stored.to_dict() if found.stored else found.manifest["generation"]
        if not known:
            raise InputError("no_record", f"nothing is known about how {path} was made", "Ask who made it.")
        return cls(
            record_id=known["record_id"],
            method=known["method"],
            method_version=known["method_version"],
            weights=known["weights"],
            seed=known["seed"],
            controls=known["controls"],
            consent=None if known["consent"] == NO_CONSENT else known["consent"],
            ingredients={item["role"]: item for item in known["ingredients"]},
            pixels_sha256=known.get("pixels_sha256", ""),
        )

    def clip(self, *, portrait: str | Path | None, drive: str | Path | None, device: str) -> Clip:
        """The clip to be rendered again; see `replay`."""
        sound = self.ingredients.get("audio") or self.ingredients.get("video")
        if "portrait" not in self.ingredients or sound is None:
            raise InputError(
                "no_record", f"record {self.record_id} names no picture or no drive", "It cannot be replayed."
            )
        controls = dict(self.controls)
        options = {name: controls.pop(name, None) for name in OPTIONS}
        clip = load(self.method, device=device, weights=options["weights"])(
            _input(self.ingredients["portrait"], portrait),
            self._drive(options["drive"], _input(sound, drive), options["seconds"]),
            seed=self.seed,
            fps=Fraction(options["fps"]) if options["fps"] else None,
            size=options["size"],
            face=options["face"],
            consent=self.consent,
            label=Label(**options["label"]) if options["label"] else None,
            **controls,
        )
        if clip.weights != self.weights:
            hint = f"Install facewright {self.method_version}."
            raise AssetError("weights_changed", f"record {self.record_id} was made with other weights", hint)
        return clip

    def _drive(self, kind: str | None, path: Path, limit: float | None) -> Drive:
        if kind == DialogueDrive.kind:
            drive: Drive = DialogueDrive.of(path, _input(self.ingredients["partner"], None), limit=limit)
        else:
            kinds = {each.kind: each for each in (VideoDrive, RendersDrive)}
            drive = kinds.get(kind or "", SpeechDrive).open(path, limit=limit)
        style = self.ingredients.get("style")
        return drive.in_style(_input(style, None)) if style else drive


def replay(
    path: str | Path,
    *,
    portrait: str | Path | None = None,
    drive: str | Path | None = None,
    device: str = "auto",
    store: Store | None = None,
) -> Clip:
    """The clip that a sealed video came from; it gets a record id of its own.

    Args:
        path: the sealed video; its manifest may be gone if this installation's store knows its watermark.
        portrait, drive: where the inputs lie now; by default where they lay then.
        device: as for `load`.
        store: of the records; this installation's by default.

    Raises:
        InputError: `no_record`, `input_missing`, `input_changed`.
        AssetError: `weights_changed`.
        VerifyError: `contradicted`.
    """
    return Origin.of(path, store=store).clip(portrait=portrait, drive=drive, device=device)


def _input(item: Mapping[str, Any], given: str | Path | None) -> Path:
    path = Path(given or item.get("path") or item["title"])
    if not path.is_file():
        hint = "Say where it lies: --portrait, --speech or --driving."
        raise InputError("input_missing", f"the {item['role']} {item['title']} is not at {path}", hint)
    if sha256_file(path) != item["sha256"]:
        hint = "Give the very file that was used."
        raise InputError("input_changed", f"{path} is not the {item['role']} that was used: its SHA-256 differs", hint)
    return path
