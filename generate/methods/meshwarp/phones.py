"""Sounds as lips tell them apart: 25 classes, and the way there from IPA (espeak-ng) and ARPAbet (pocketsphinx).

Finer than visemes where the ear hears more than the eye sees (p and m, t and k), since a network learns sounds better
than looks; what a class looks like is learned apart (`expression`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import numpy as np

CLASSES = (
    *("sil", "p", "m", "f", "w", "th", "t", "n", "l", "r", "k", "s", "sh", "h"),
    *("iy", "ih", "eh", "ae", "a", "ah", "er", "o", "ow", "u", "y"),
)
INDEX = {name: number for number, name in enumerate(CLASSES)}
CLOSED = ("p", "m")
OPEN = ("ae", "a", "o")

_IPA = {
    **dict.fromkeys("pbɓ", "p"),
    **dict.fromkeys("mɱ", "m"),
    **dict.fromkeys("fvʋɸβⱱ", "f"),
    **dict.fromkeys("wʍɥ", "w"),
    **dict.fromkeys("θð", "th"),
    **dict.fromkeys("tdʈɖɗɾ", "t"),
    **dict.fromkeys("nɲɳŋɴ", "n"),
    **dict.fromkeys("lɫɭʎɬɮɺʟ", "l"),
    **dict.fromkeys("ɹɻr", "r"),
    **dict.fromkeys("kgɡɠcɟqɢxɣχʁʀ", "k"),
    **dict.fromkeys("szʂʐ", "s"),
    **dict.fromkeys("ʃʒɕʑçʝ", "sh"),
    **dict.fromkeys("hɦħʕʔ", "h"),
    **dict.fromkeys("ij", "iy"),
    **dict.fromkeys("ɪɨᵻ", "ih"),
    **dict.fromkeys("eɛɘ", "eh"),
    **dict.fromkeys("æ", "ae"),
    **dict.fromkeys("aɑɐɒ", "a"),
    **dict.fromkeys("əʌɤɜɞ", "ah"),
    **dict.fromkeys("ɚɝ", "er"),
    **dict.fromkeys("ɔ", "o"),
    **dict.fromkeys("oɵ", "ow"),
    **dict.fromkeys("uʊɯ", "u"),
    **dict.fromkeys("yʏøœɶ", "y"),
}

_ARPABET = {
    "P": "p",
    "B": "p",
    "M": "m",
    "F": "f",
    "V": "f",
    "W": "w",
    "TH": "th",
    "DH": "th",
    "T": "t",
    "D": "t",
    "N": "n",
    "NG": "n",
    "L": "l",
    "R": "r",
    "K": "k",
    "G": "k",
    "S": "s",
    "Z": "s",
    "SH": "sh",
    "ZH": "sh",
    "CH": "t sh",
    "JH": "t sh",
    "HH": "h",
    "Y": "iy",
    "IY": "iy",
    "IH": "ih",
    "EH": "eh",
    "EY": "eh ih",
    "AE": "ae",
    "AA": "a",
    "AY": "a ih",
    "AW": "a u",
    "AH": "ah",
    "ER": "er",
    "AO": "o",
    "OY": "o ih",
    "OW": "ow u",
    "UH": "u",
    "UW": "u",
}


def from_ipa(symbol: str) -> list[str]:
    """Classes of one IPA phoneme in order: "aɪ" → a, ih; empty for a pause."""
    plain = unicodedata.normalize("NFD", symbol)
    classes = [_IPA[letter] for letter in plain if letter in _IPA]
    return [name for number, name in enumerate(classes) if number == 0 or name != classes[number - 1]]


def from_arpabet(symbol: str) -> list[str]:
    """Classes of one ARPAbet phone in order; silence and fillers give none."""
    return _ARPABET.get(symbol, "").split()


def labels(segments: Iterable[tuple[float, float, list[str]]], ticks: int, rate: float = 100.0) -> np.ndarray:
    """Class per tick, int64 (ticks,): tick i covers the instant i / rate; what no segment covers is silence.

    A segment (start, end in seconds, classes) shares its time among its classes in equal parts.
    """
    track = np.zeros(ticks, np.int64)
    for start, end, classes in segments:
        edges = np.round(np.linspace(start, end, len(classes) + 1) * rate).astype(int)
        for name, low, high in zip(classes, edges[:-1], edges[1:], strict=True):
            track[max(low, 0) : max(high, 0)] = INDEX[name]
    return track
