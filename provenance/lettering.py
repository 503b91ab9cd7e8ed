"""Letters on frames. Latin ones are of Pillow's own font; the two Chinese characters that a label needs are drawn here
from their strokes, so that no font has to be found on the machine."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Strokes as points of polylines on a square of 100: 生 "made" and 成 "become", together "generated".
STROKES = {
    "生": (
        ((30, 8), (25, 22), (12, 42)),
        ((25, 30), (84, 30)),
        ((53, 6), (53, 92)),
        ((22, 58), (82, 58)),
        ((6, 92), (95, 92)),
    ),
    "成": (
        ((16, 26), (92, 26)),
        ((18, 26), (18, 52), (15, 74), (5, 94)),
        ((18, 48), (45, 48), (44, 70), (41, 80), (29, 75)),
        ((55, 5), (57, 32), (64, 58), (76, 81), (89, 93), (94, 76)),
        ((83, 42), (73, 62), (59, 79), (42, 93)),
        ((71, 7), (84, 18)),
    ),
}
_TOP, _TALL = 5, 89  # the strokes reach from 5 to 94; stretched to the full height
_FINE = 4  # drawn larger by this and reduced
_STROKE = 0.085  # width, of the character
_PLATE, _OPACITY = 16, 0.72  # grey and opacity of what is behind the letters


class Plate:
    """A text on a dark plate at the lower left of a frame.

    Args:
        text: what it says.
        width, height: of the frames, pixels.
        share: height of a capital letter or character, of the short side; more lines where one is too wide.
    """

    def __init__(self, text: str, width: int, height: int, share: float) -> None:
        size = max(8, -(-min(width, height) * share // 1))  # pixels of a letter, rounded up
        margin = round(0.5 * size)
        widest = width - 4 * margin
        lines = [text] if _mask(text, size).shape[1] <= widest else text.replace("-", "- ").split()
        masks = [_mask(line, size) for line in lines]
        scale = min(1.0, widest / max(mask.shape[1] for mask in masks))
        if scale < 1:
            masks = [_mask(line, size * scale) for line in lines]
        gap = round(0.4 * size)
        rows = sum(mask.shape[0] for mask in masks) + gap * (len(masks) - 1)
        plate = np.zeros((rows + 2 * margin, max(mask.shape[1] for mask in masks) + 2 * margin), np.float32)
        y = margin
        for mask in masks:
            plate[y : y + mask.shape[0], margin : margin + mask.shape[1]] = mask
            y += mask.shape[0] + gap
        self._letters = plate[:height, :width]
        rows, columns = self._letters.shape
        self.top, self.left = max(0, height - rows - margin), min(margin, width - columns)

    def on(self, frames: np.ndarray, count: int) -> np.ndarray:
        """A copy of `frames`, uint8 RGB (T, H, W, 3), with the plate on the first `count`."""
        rows, columns = self._letters.shape
        result = frames.copy()
        place = result[:count, self.top : self.top + rows, self.left : self.left + columns]
        behind = place * np.float32(1 - _OPACITY) + np.float32(_PLATE * _OPACITY)
        letters = self._letters[None, :, :, None]
        place[...] = np.rint(behind + (np.float32(245) - behind) * letters).astype(np.uint8)
        return result


def _mask(text: str, size: float) -> np.ndarray:
    """Coverage in [0, 1], float32 (h, w), cut to the letters; a capital or character is `size` pixels high."""
    fine = size * _FINE
    probe = ImageFont.load_default(100)
    _, top, _, bottom = probe.getbbox("H")
    font = ImageFont.load_default(100 * fine / (bottom - top))
    pieces = [_character(letter, round(fine)) if letter in STROKES else _latin(letter, font) for letter in _runs(text)]
    gap = round(0.12 * fine)
    below = max(piece.shape[0] - base for piece, base in pieces)
    above = max(base for _, base in pieces)
    sheet = np.zeros((above + below, sum(piece.shape[1] for piece, _ in pieces) + gap * (len(pieces) - 1)), np.float32)
    x = 0
    for piece, base in pieces:
        sheet[above - base : above - base + piece.shape[0], x : x + piece.shape[1]] = piece
        x += piece.shape[1] + gap
    image = Image.fromarray((255 * sheet).astype(np.uint8))
    reduced = image.resize((-(-sheet.shape[1] // _FINE), -(-sheet.shape[0] // _FINE)), Image.Resampling.BOX)
    return np.asarray(reduced, np.float32) / 255


def _runs(text: str) -> list[str]:
    """Latin text in one piece, each drawn character alone."""
    runs: list[str] = []
    for letter in text:
        if runs and letter not in STROKES and runs[-1] not in STROKES:
            runs[-1] += letter
        else:
            runs.append(letter)
    return runs


def _latin(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> tuple[np.ndarray, int]:
    """Coverage of a text, and its base line from the top."""
    left, top, right, bottom = (round(value) for value in font.getbbox(text, anchor="ls"))
    image = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(image).text((-left, -top), text, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float32) / 255, -top


def _character(letter: str, size: int) -> tuple[np.ndarray, int]:
    image = Image.new("L", (size, size))
    draw = ImageDraw.Draw(image)
    width = round(_STROKE * size)
    for stroke in STROKES[letter]:
        points = [
            (width / 2 + x / 100 * (size - width), width / 2 + (y - _TOP) / _TALL * (size - width)) for x, y in stroke
        ]
        draw.line(points, fill=255, width=width, joint="curve")
        for x, y in (points[0], points[-1]):
            draw.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=255)
    return np.asarray(image, np.float32) / 255, size
