"""The options of every command that makes a clip."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ..generate.methods import registry
from ..provenance.labels import PRESETS
from .verb import option

CONTROLS = ("head_motion", "blink", "gaze", "mouth", "emotion", "level", "max_memory")


class Duration(click.ParamType):
    """`3`, `3s`, `500ms`, `1m30s`, in seconds."""

    name = "duration"
    _form = re.compile(r"(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(s|ms)?)?")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        found = self._form.fullmatch(value.strip())
        minutes, number, unit = found.groups() if found else (None, None, None)
        seconds = 60 * int(minutes or 0) + float(number or 0) / (1000 if unit == "ms" else 1)
        if seconds <= 0:
            self.fail(f"{value!r} is not a length of time; write 3s, 500ms or 1m30s.", param, ctx)
        return seconds


def clip_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them to a command."""
    path = click.Path(path_type=Path)
    options = [
        option(
            "--output", "-o", metavar="FILE", type=path, section="Output", help="The video to write (.mp4 or .mov)."
        ),
        option("--size", type=int, section="Output", help="Short side in pixels; the picture's own, up to 1080."),
        option("--fps", type=float, section="Output", help="Frames per second; the method's own."),
        option("--preview", metavar="TIME", type=Duration(), section="Output", help="Make only the start, e.g. 3s."),
        option("--force", is_flag=True, section="Output", help="Replace the output if it exists."),
        option("--dry-run", is_flag=True, section="Output", help="Say what would be done, and stop."),
        option("--face", metavar="N", type=int, section="Motion", help="Which face of several; 0 is the largest."),
        option("--head-motion", type=float, section="Motion", help="How much the head moves; 0 holds it still."),
        option("--blink", type=float, section="Motion", help="How often the eyes blink."),
        option("--gaze", type=float, section="Motion", help="How much the eyes wander."),
        option("--mouth", type=float, section="Motion", help="How far the mouth opens."),
        option("--emotion", section="Motion", help="neutral, happy, sad, angry or surprised."),
        option("--level", type=float, section="Motion", help="Strength of the emotion, 0 to 1."),
        option(
            "--max-memory",
            metavar="GB",
            type=float,
            section="Method",
            help="Memory of the device that may be used, for methods that can do with less.",
        ),
        option("--set", metavar="NAME=VALUE", multiple=True, section="Motion", help="Any control of the method."),
        option("--seed", type=int, default=0, show_default=True, section="Motion", help="Same seed, same pixels."),
        option(
            "--method",
            type=click.Choice(registry.NAMES),
            default=registry.NAMES[0],
            show_default=True,
            section="Method",
            help="See: facewright methods.",
        ),
        option(
            "--weights",
            metavar="NAME",
            section="Method",
            help="Weights of a record of that name, such as imported ones; the method's own.",
        ),
        option("--preset", section="Method", help="A named set of values; what you set yourself wins."),
        option(
            "--device",
            default="auto",
            show_default=True,
            envvar="FACEWRIGHT_DEVICE",
            section="Method",
            help="auto, cpu or cuda.",
        ),
        option("--label", type=click.Choice(PRESETS), section="Label", help="Label the video as a law asks."),
        option("--label-language", metavar="CODE", section="Label", help="Language of the text, such as en or de."),
        option("--label-provider", metavar="NAME", section="Label", help="Who provides the system or the service."),
        option("--label-cue", is_flag=True, section="Label", help="Begin the sound with “AI” in Morse."),
        option("--consent", metavar="FILE", type=path, section="Record", help="Text: who agreed to what."),
        option("--batch", metavar="CSV", type=path, section="Batch", help="Make one clip for each row of a table."),
        option("--out-dir", metavar="DIR", type=path, section="Batch", help="Folder of the outputs."),
        option("--keep-going", is_flag=True, section="Batch", help="Go on after a row that fails."),
    ]
    for add in reversed(options):
        command = add(command)
    return command
