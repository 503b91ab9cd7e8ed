"""What `generate` and `reenact` share: the job they read, the plan they announce, the clip they save."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..core.errors import InputError, UsageError
from ..generate.methods import registry
from ..provenance.labels import Label
from .clip_options import CONTROLS
from .estimate import expected_seconds, remember
from .progress import progress
from .session import Answer, Session

if TYPE_CHECKING:
    from ..generate import Clip

LONGEST_CONSENT = 65_536
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One clip to make."""

    kind: str
    portrait: Path
    drive: Path
    output: Path
    consent: str | None
    values: dict[str, Any]
    controls: dict[str, Any]

    @classmethod
    def of(cls, ctx: click.Context, kind: str, portrait: Path, drive: Path) -> Job:
        """Read a parsed command line; the preset fills what nobody set.

        Raises:
            UsageError: `usage`, `unknown_preset`, `bad_control`.
        """
        values = ctx.params | preset(ctx)
        controls = {name: value for name, value in values.items() if name in CONTROLS and value is not None}
        for entry in values["set"]:
            name, equals, value = entry.partition("=")
            if not equals:
                raise UsageError("usage", f"--set {entry} has no value", "Write --set NAME=VALUE.")
            controls[name.strip().replace("-", "_")] = value.strip()
        if values["output"] is None:
            raise UsageError("usage", "there is no output", "Name it: -o out.mp4")
        return cls(kind, portrait, drive, values["output"], _consent(values["consent"]), values, controls)


def make(job: Job, session: Session) -> Answer:
    """Make one clip, or with --dry-run say what it would be."""
    began = time.perf_counter()
    clip = _prepare(job)
    for warning in clip.warnings:
        log.warning(warning)
    plan = _plan(job, clip)
    if job.values["dry_run"]:
        return Answer(plan, _describe(plan) + "\nnothing was written (--dry-run)")
    session.note(_describe(plan))
    return save(clip, job.output, session, began=began, force=job.values["force"])


def save(clip: Clip, output: Path, session: Session, *, began: float, force: bool) -> Answer:
    """Render and seal a clip; say how long it took since `began`."""
    with progress(session, fps=float(clip.fps)) as report:
        sealed = clip.save(output, force=force, progress=report)
    spent = time.perf_counter() - began
    remember(clip.method.card.name, frames=sealed.frames, pixels=clip.width * clip.height, seconds=spent)
    result = {
        "output": str(sealed.path),
        "record_id": sealed.record_id,
        "method": clip.method.card.name,
        "seed": clip.seed,
        "frames": sealed.frames,
        "fps": float(clip.fps),
        "width": clip.width,
        "height": clip.height,
        "compute_seconds": round(spent, 3),
        "seconds": sealed.seconds,
        "stages": sealed.compute,
        "controls": clip.controls,
        "weights": clip.weights,
    }
    return Answer(
        result,
        f"{sealed.path}\n"
        f"  {sealed.frames} frames, {clip.width}×{clip.height}, {float(clip.fps):g} fps; made in {spent:.1f} s "
        f"({sealed.seconds / spent:.1f} × real time)\n"
        f"  record {sealed.record_id}: watermarked and signed; mark and manifest were read back from this file",
    )


def _prepare(job: Job) -> Clip:
    from ..generate import DialogueDrive, RendersDrive, SpeechDrive, VideoDrive
    from ..provenance import check_target

    values = job.values
    partner, style = values.get("partner"), values.get("style")
    inputs = (job.portrait, job.drive, partner, style)
    check_target(job.output, values["force"], [path for path in inputs if path])
    kind = SpeechDrive if job.kind == "speech" else VideoDrive
    if kind is VideoDrive and RendersDrive.kind in registry.card(values["method"]).drives:
        kind = RendersDrive
    drive = (
        DialogueDrive.of(job.drive, partner, limit=values["preview"])
        if partner
        else kind.open(job.drive, limit=values["preview"])
    )
    drive = drive.in_style(style) if style else drive
    return _talker(values["method"], values["device"], values["weights"])(
        job.portrait,
        drive,
        seed=values["seed"],
        fps=values["fps"],
        size=values["size"],
        face=values["face"],
        consent=job.consent,
        label=_label(values),
        **job.controls,
    )


def _label(values: dict[str, Any]) -> Label | None:
    preset, language, provider = (values[name] for name in ("label", "label_language", "label_provider"))
    if preset:
        return Label(preset, language or "", provider or "", values["label_cue"])
    if language or provider or values["label_cue"]:
        raise UsageError("usage", "There is no label for these label options.", "Add --label eu, california or china.")
    return None


@cache
def _talker(method: str, device: str, weights: str | None) -> Any:
    """One load for all rows of a batch."""
    from ..generate import load

    return load(method, device=device, weights=weights)


def _plan(job: Job, clip: Clip) -> dict[str, Any]:
    card = clip.method.card
    return {
        "output": str(job.output),
        "method": card.name,
        "weights": clip.weights,
        "licences": {"code": card.licences.code, "weights": card.licences.weights, "data": card.licences.data},
        "download_bytes": 0,
        "seed": clip.seed,
        "frames": clip.frames,
        "fps": float(clip.fps),
        "width": clip.width,
        "height": clip.height,
        "seconds": clip.seconds,
        "controls": clip.controls,
        "expected_seconds": expected_seconds(card.name, frames=clip.frames, pixels=clip.width * clip.height),
    }


def _describe(plan: dict[str, Any]) -> str:
    expected = plan["expected_seconds"]
    weights = ", ".join(f"{name} {sha256[:8]}" for name, sha256 in plan["weights"].items()) or "no weights"
    return (
        f"{plan['method']} ({weights}; {plan['licences']['weights']}): {plan['width']}×{plan['height']}, "
        f"{plan['frames']} frames at {plan['fps']:g} fps, "
        + (f"about {max(1, round(expected))} s" if expected else "time not known before the first run here")
    )


def preset(ctx: click.Context) -> dict[str, Any]:
    """What the preset fills in: its values of options that nobody set.

    Raises:
        UsageError: `unknown_preset`.
    """
    method, name = ctx.params["method"], ctx.params["preset"]
    if name is None:
        return {}
    presets = registry.card(method).presets
    if name not in presets:
        raise UsageError("unknown_preset", f"{method} has no preset {name!r}", f"There are: {', '.join(presets)}.")
    return {
        option: value
        for option, value in presets[name].items()
        if ctx.get_parameter_source(option) in (ParameterSource.DEFAULT, None)
    }


def _consent(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"{path} cannot be read", "Give the consent as UTF-8 text.") from error
    if not 0 < len(text) <= LONGEST_CONSENT:
        raise InputError("bad_consent", f"{path} is empty or too long for a consent", "Write who agreed to what.")
    return text
