"""Speak a sentence into a WAV file, in a voice that nobody owns.

    python scripts/speak.py "Pack my box." out.wav [--voice en-us] [--words-per-minute 165]

The voice is eSpeak NG, a formant synthesiser: rules, no recordings of a person. The package espeakng-loader carries
its library and data.
"""

from __future__ import annotations

import argparse
import ctypes
import wave
from pathlib import Path

import espeakng_loader

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: espeak_Synth returns when the last sample has been handed over
_RATE = 1  # espeakRATE
_UTF8 = 1  # espeakCHARS_UTF8
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: report missing data instead of ending the process


def speak(text: str, path: Path, *, voice: str = "en-us", words_per_minute: int = 165) -> float:
    """Write `text`, spoken, to `path` as 16-bit mono WAV.

    Returns:
        Length in seconds.

    Raises:
        ValueError: espeak-ng has no such voice, or there is nothing to say.
        RuntimeError: the library cannot start.
    """
    if not text.strip():
        raise ValueError("there is no text to speak")
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _DONT_EXIT)
    if rate <= 0:
        raise RuntimeError("espeak-ng did not start: its data folder is missing or of another version")
    samples = bytearray()

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
    def collect(pcm, count, _events):
        if pcm and count > 0:
            samples.extend(ctypes.string_at(pcm, 2 * count))
        return 0

    try:
        library.espeak_SetSynthCallback(collect)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice named {voice!r}")
        library.espeak_SetParameter(_RATE, words_per_minute, 0)
        spoken = text.encode() + b"\0"
        library.espeak_Synth(spoken, ctypes.c_size_t(len(spoken)), 0, 0, 0, _UTF8, None, None)
    finally:
        library.espeak_Terminate()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples)
    return len(samples) / 2 / rate


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("text")
    parser.add_argument("output", type=Path)
    parser.add_argument("--voice", default="en-us")
    parser.add_argument("--words-per-minute", type=int, default=165)
    wanted = parser.parse_args()
    try:
        speak(wanted.text, wanted.output, voice=wanted.voice, words_per_minute=wanted.words_per_minute)
    except (ValueError, RuntimeError, OSError) as error:
        parser.error(str(error))
