"""The sound watermark: the record id of the picture once more, in the loudness pattern of the voice.

A classical, keyed patchwork of 40 ms by 1/3 Bark or so: the level of every cell of a time-frequency grid is raised or
lowered by a decibel or two, as far as the sound itself masks it (`mask`), by signs that the key and the message give
(`cells`). The pattern repeats every second. The marker looks at what the sound says by itself and spends its strength
where a sign would be read wrong (`embed`). The reader folds the levels of many periods onto one another (`levels`),
tries offset, speed, tempo and pitch until the known quarter of the signs stands out (`search`), decodes the rest, and
says how likely unmarked sound is to give such a reading (`read`).

Levels bear what waveforms do not: codecs, time stretching, phase, an equaliser, another sampling rate.

Sources: Bender, Gruhl, Morimoto, Lu, "Techniques for data hiding", 1996, and Yeo, Kim, "Modified patchwork algorithm",
2003 (patchwork); Kirovski, Malvar, "Spread-spectrum watermarking of audio signals", 2003 (signs on the cepstrally
flattened spectrum, repetition against desynchronisation); Malvar, Florêncio, "Improved spread spectrum", 2003 (the host
known to the marker is no noise).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .embed import SoundMarker
    from .read import read_sound_mark

_HOME = {"SoundMarker": ".embed", "read_sound_mark": ".read"}

__all__ = ["SoundMarker", "read_sound_mark"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name], __name__), name)
    globals()[name] = value
    return value
