"""How a voice feels, second by second (Zheng et al. 2024, arXiv 2412.04448, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from .projections import EmotionClassifier

REACH = 1.5  # seconds heard on either side of the middle of a second


def felt(blocks: Iterable[Tensor], classifier: EmotionClassifier, fps: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Blocks (n, layers, channels) of sound → the same frames in other blocks, and each one's class (n,).

    Every second of the sound has one class, heard over three seconds around it, two at its ends.
    """
    held: Tensor | None = None
    first = second = 0  # frame of held[0], and the second whose class is next

    def bounds(number: int) -> tuple[int, int]:
        return round(number * fps), round((number + 1) * fps)

    def told(frames: Tensor, number: int) -> tuple[Tensor, Tensor]:
        begin, end = (bound - first for bound in bounds(number))
        middle, reach = (begin + end) / 2, REACH * fps
        heard = frames[max(round(middle - reach), 0) : round(middle + reach)]
        own = frames[begin:end]
        label = classifier(heard.mean(0).flatten()[None]).argmax(1)  # 1
        return own, label.expand(len(own))

    for block in blocks:
        held = block if held is None else torch.cat([held, block])
        while first + len(held) >= bounds(second + 1)[1]:  # what comes behind this second has been heard
            yield told(held, second)
            second += 1
            keep = max(bounds(second - 1)[0] - first, 0)
            held, first = held[keep:], first + keep
    while held is not None and first + len(held) > bounds(second)[0]:
        yield told(held, second)
        second += 1


class Feelings:
    """The classes of clips, while their sound passes through.

    Args:
        length: frames of a clip.
    """

    def __init__(self, classifier: EmotionClassifier, fps: float, length: int) -> None:
        self.classifier, self.fps, self.length = classifier, fps, length
        self.held = torch.zeros(0, dtype=torch.long)

    def through(self, blocks: Iterable[Tensor]) -> Iterator[Tensor]:
        """The blocks (n, layers, channels), one for every second."""
        for own, labels in felt(blocks, self.classifier, self.fps):
            self.held = torch.cat([self.held, labels])
            yield own

    def clip(self, _: int) -> int:
        """The class of the next clip, whose sound has passed: the commonest of its frames'."""
        now, self.held = self.held[: self.length], self.held[self.length :]
        return int(now.mode().values)
