"""What a method is: a card that says what it takes and costs, and three calls that make frames.

`prepare` runs once per face, `motion` turns a drive into blocks of motion at fixed positions, `render` turns a block
into frames that depend on nothing but their own rows. That keeps memory flat and pixels independent of chunk size.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from ..core.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from ..core.faces import Face
    from .drive import Drive

ControlValue = float | str


@dataclass(frozen=True)
class Control:
    """One knob of a method: a number within bounds, or a choice.

    Attributes:
        name: as callers and `--set` write it.
        default: value when nobody sets it; its type is the control's type.
        minimum, maximum: inclusive bounds of a number.
        choices: allowed words of a choice.
        words: words allowed in place of a number ("free").
        help: one sentence.
    """

    name: str
    default: ControlValue
    help: str
    minimum: float = 0.0
    maximum: float = 1.0
    choices: tuple[str, ...] = ()
    words: tuple[str, ...] = ()

    def parse(self, value: Any) -> ControlValue:
        """`value` (a number, or text as typed) as this control takes it.

        Raises:
            UsageError: `bad_control` for a value outside bounds or choices.
        """
        if self.choices:
            if value in self.choices:
                return str(value)
            raise UsageError(
                "bad_control", f"{self.name} cannot be {value!r}", f"Choose one of: {', '.join(self.choices)}."
            )
        if value in self.words:
            return str(value)
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not self.minimum <= number <= self.maximum:
            bounds = " or ".join([f"{self.minimum:g} to {self.maximum:g}", *self.words])
            raise UsageError("bad_control", f"{self.name} cannot be {value!r}", f"Give a number from {bounds}.")
        return number


@dataclass(frozen=True)
class Licences:
    """Terms of the three things a user receives."""

    code: str
    weights: str
    data: str


@dataclass(frozen=True)
class Card:
    """What people need to know before they choose a method; imports nothing heavy.

    Attributes:
        name: folder and command-line name.
        title: display name.
        paper: reference, or "ours".
        summary: one sentence.
        drives: kinds of drive it takes ("speech", "video").
        controls: its knobs.
        styles: whether a voice can be spoken in the manner of somebody in a video (`Drive.in_style`).
        presets: name → values of controls and of `seed`, `fps`, `size`; they fill what nobody set.
        licences: code, weights, data.
        weights: weight records it needs (names as in `facewright weights list`); the shipped ones need no download.
        fps: default frame rate.
        measured: figures with the benchmark that gave them, e.g. {"speed": "2 × real time (benchmarks/speed.py)"}.
    """

    name: str
    title: str
    paper: str
    summary: str
    drives: tuple[str, ...]
    controls: tuple[Control, ...]
    licences: Licences
    weights: tuple[str, ...] = ()
    styles: bool = False
    fps: int = 25
    presets: Mapping[str, Mapping[str, ControlValue]] = field(default_factory=dict)
    measured: Mapping[str, str] = field(default_factory=dict)

    def resolve(self, given: Mapping[str, Any]) -> dict[str, ControlValue]:
        """All controls with their values, defaults filled in.

        Raises:
            UsageError: `unknown_control`, with the nearest name as a hint, or `bad_control`.
        """
        known = {control.name: control for control in self.controls}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"It has: {', '.join(known)}."
                raise UsageError("unknown_control", f"{self.name} has no control {name!r}", hint)
        return {name: control.parse(given.get(name, control.default)) for name, control in known.items()}


class Method(Protocol):
    """A way to animate a face. Implementations live in `methods/<name>/pipeline.py`.

    `motion` yields blocks of frames whose bounds depend on the drive alone; a block has a length and takes slices.
    `records` names the weight records it runs with, `card.weights` unless a caller chose others.
    `render` returns uint8 frames (T, H, W, 3) of the full picture, the same whatever slice they were asked in.
    """

    card: ClassVar[Card]
    records: tuple[str, ...]

    def prepare(self, picture: np.ndarray, face: Face) -> Any: ...

    def motion(
        self, state: Any, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[Any]: ...

    def render(self, state: Any, motion: Any) -> np.ndarray: ...
