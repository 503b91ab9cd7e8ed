"""Phones of real speech by forced alignment with pocketsphinx, whose wheel carries an English model."""

from __future__ import annotations

import re
from functools import cache

import numpy as np

from ....core.errors import AssetError, InputError
from ....core.random import generator
from . import phones


@cache
def _model() -> str:
    try:
        import pocketsphinx
    except ImportError as error:
        raise AssetError(
            "pocketsphinx_missing", "pocketsphinx is not installed", 'Run: pip install "facewright[train]"'
        ) from error
    return pocketsphinx.get_model_path("en-us")


@cache
def dictionary() -> list[str]:
    """English words."""
    with open(f"{_model()}/cmudict-en-us.dict", encoding="utf-8") as lines:
        return [word for line in lines if (word := line.split(" ", 1)[0]).isalpha()]


def align(samples: np.ndarray, words: str | None = None) -> np.ndarray:
    """Labels of real speech by forced alignment.

    Args:
        samples: float32 (n,), 16 kHz.
        words: what is said; words that the dictionary lacks as ARPAbet between slashes ("hello /V ER L D/"). None
            recognises it first (English), and a wrong word still has much the same sounds.

    Raises:
        InputError: `cannot_align`: the words are not those of the sound.
    """
    dither = generator(0, "align").normal(0, 3, len(samples))  # digital silence is no sound that the model knows
    model, pcm = _model(), (samples * 32767 + dither).clip(-32768, 32767).astype(np.int16).tobytes()
    from pocketsphinx import Decoder

    common = {"hmm": f"{model}/en-us", "dict": f"{model}/cmudict-en-us.dict", "loglevel": "FATAL"}
    ticks = len(samples) // 160

    def run(decoder: Decoder) -> Decoder:
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        return decoder

    if words is None:
        decoder = run(Decoder(lm=f"{model}/en-us.lm.bin", beam=1e-80, wbeam=1e-60, pbeam=1e-80, **common))
        heard = [segment.word.split("(")[0] for segment in decoder.seg() or ()]
        words = " ".join(word for word in heard if word[0] not in "<[+")
        if not words:
            return np.zeros(ticks, np.int64)
    decoder = Decoder(lm=None, bestpath=False, beam=1e-100, wbeam=1e-80, pbeam=1e-100, **common)
    for number, sounds in enumerate(re.findall("/(.*?)/", words)):
        decoder.add_word(f"spelled-{number}", sounds, True)
        words = words.replace(f"/{sounds}/", f"spelled-{number}", 1)
    try:
        decoder.set_align_text(words)
        run(decoder).set_alignment()
        alignment = run(decoder).get_alignment()
    except RuntimeError as error:
        raise InputError("cannot_align", f"pocketsphinx: {error}") from error
    segments = [
        (phone.start / 100, (phone.start + phone.duration) / 100, phones.from_arpabet(phone.name))
        for word in alignment
        for phone in word
    ]
    return phones.labels((segment for segment in segments if segment[2]), ticks)
