"""Sizes of the networks and models that turn a voice into motion."""

from __future__ import annotations

from dataclasses import dataclass

from .phones import CLASSES


@dataclass(frozen=True)
class VoiceParams:
    """Voice → phones (`voice.PhoneNet`).

    Attributes:
        bands: mel bands of the input.
        width: channels.
        expansion: inner width of a block over `width`.
        blocks: per block (dilation, taps into the past, taps into the future); the future in all, with the stem's
            two ticks, is the lookahead: at most 20 ticks of 10 ms.
        classes: outputs.
    """

    bands: int = 40
    width: int = 96
    expansion: int = 2
    blocks: tuple[tuple[int, int, int], ...] = ((1, 3, 3), (1, 3, 3), (2, 4, 2), (2, 5, 1), (4, 5, 1), (8, 6, 0))
    classes: int = len(CLASSES)

    @property
    def past(self) -> int:
        """Ticks before the first that an output needs."""
        return 2 + sum(dilation * past for dilation, past, _ in self.blocks)

    @property
    def future(self) -> int:
        """Ticks after the last that an output needs."""
        return 2 + sum(dilation * future for dilation, _, future in self.blocks)
