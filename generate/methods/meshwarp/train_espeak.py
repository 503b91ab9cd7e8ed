"""Synthetic speech with exact phone times, from espeak-ng: as many voices, languages and rates as one likes."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from ....core.errors import AssetError
from ....core.random import generator
from . import phones
from .train_align import dictionary

RATE = 16000
LANGUAGES = (
    *("en-us", "en-gb-x-rp", "de", "fr", "es", "it", "pt-br", "nl", "pl", "sv", "cs", "tr", "ru", "hi", "ja", "cmn"),
)
VARIANTS = (
    *("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "Andy", "Annie", "Alicia", "Lee"),
    *("Michael", "Mr serious", "Nguyen", "Denis", "Diogo", "Gene", "Henrique", "Hugo", "Jacky", "Marco", "Mario"),
    *("adam", "anika", "antonio", "belinda", "benjamin", "boris", "caleb", "david", "ed", "edward", "grandma"),
    *("grandpa", "ian", "iven", "john", "kaukovalta", "klatt", "klatt2", "klatt3", "klatt4", "linda", "marcelo", "max"),
    *("michel", "miguel", "norbert", "pablo", "paul", "pedro", "quincy", "rob", "robert", "sandro", "shelby", "steph"),
    *("travis", "victor", "zac", "croak", "whisper", "whisperf", "aunty"),
)
# syllables of these make words that any language's rules can read: all consonants meet all vowels
_ONSETS = (
    *(
        "p",
        "b",
        "m",
        "p",
        "b",
        "m",
        "f",
        "v",
        "w",
        "t",
        "d",
        "n",
        "l",
        "r",
        "k",
        "g",
        "s",
        "z",
        "sh",
        "ch",
        "j",
        "h",
        "y",
    ),
    *("th", "br", "pl", "pr", "bl", "fr", "st", "sp", "sm", "tr", "kl", "gr", "sl", "tw"),
)
_VOWELS = ("a", "e", "i", "o", "u", "a", "e", "i", "o", "u", "ai", "au", "ee", "oo", "ou", "ie", "oi")
_CODAS = ("", "", "", "", "n", "m", "p", "b", "s", "t", "l", "r", "f", "k", "mp", "ng", "st")


@dataclass(frozen=True)
class Utterance:
    """Speech with its phones.

    Attributes:
        samples: float32 (n,), 16 kHz.
        labels: int64 (n // 160,), class of each 10 ms.
        voice: who speaks, for leaving voices out.
    """

    samples: np.ndarray
    labels: np.ndarray
    voice: str


class _Event(ctypes.Structure):
    _fields_ = (  # espeak_EVENT of speak_lib.h
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))
_PHONEME_EVENT, _LIST_END = 7, 0


def _data_path() -> str:
    try:
        import espeakng_loader
    except ImportError as error:
        raise AssetError(
            "espeak_missing", "espeakng-loader is not installed", 'Run: pip install "facewright[train]"'
        ) from error
    return espeakng_loader.get_data_path()


class Synthesiser:
    """espeak-ng through its C interface. One per process: the library keeps global state.

    Raises:
        AssetError: `espeak_missing` if the package espeakng-loader is not installed.
    """

    def __init__(self, seed: int = 0) -> None:
        data = _data_path()
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        synchronous, phoneme_events_in_ipa = 2, 3
        self.rate: int = self._library.espeak_Initialize(synchronous, 0, data.encode(), phoneme_events_in_ipa)
        self._library.espeak_ng_SetRandSeed(ctypes.c_long(seed))  # else the clock chooses
        self._chunks: list[np.ndarray] = []
        self._events: list[tuple[int, str]] = []
        self._callback = _Callback(self._receive)  # kept, or the garbage collector takes it
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while (event := events[index]).type != _LIST_END:
            if event.type == _PHONEME_EVENT:
                raw = ctypes.string_at(ctypes.addressof(event) + _Event.id.offset, 8)  # full 8 bytes have no final zero
                self._events.append((event.sample, raw.split(b"\0")[0].decode("utf-8", "ignore")))
            index += 1
        return 0

    def say(
        self, text: str, voice: str, *, words_per_minute: int = 170, pitch: int = 50, pitch_range: int = 50
    ) -> Utterance:
        """Speak `text`; `voice` is a language, with a variant after a plus sign if wanted ("de+f3")."""
        self._chunks.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise AssetError("espeak_missing", f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((1, words_per_minute), (3, pitch), (4, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, 1, None, None)
        self._library.espeak_Synchronize()
        samples = np.concatenate(self._chunks or [np.zeros(0, np.int16)]).astype(np.float32) / 32768
        return Utterance(resample(samples, self.rate), self._labels(samples), voice)

    def _labels(self, samples: np.ndarray) -> np.ndarray:
        bounds = [start for start, _ in self._events] + [len(samples)]
        segments = []
        for (start, symbol), end in zip(self._events, bounds[1:], strict=True):
            if not (classes := phones.from_ipa(symbol)) or end <= start:
                continue
            if classes[0] in ("p", "t", "k"):  # the event marks the burst; the closure before it belongs to the stop
                closure = _quiet_before(samples, start, int(0.09 * self.rate))
                if segments:
                    segments[-1][1] = min(segments[-1][1], closure / self.rate)
                start = closure
            segments.append([start / self.rate, end / self.rate, classes])
        return phones.labels(((a, b, c) for a, b, c in segments), int(len(samples) / self.rate * 100))


def _quiet_before(samples: np.ndarray, end: int, reach: int) -> int:
    """Where the near-silence that ends at `end` begins, at most `reach` samples earlier."""
    loud = np.flatnonzero(np.abs(samples[max(end - reach, 0) : end]) > 0.012 * np.abs(samples).max(initial=1e-6))
    return max(end - reach, 0) + (int(loud[-1]) + 1 if len(loud) else 0)


def resample(samples: np.ndarray, rate: float, to: float = RATE) -> np.ndarray:
    """Change the rate through the spectrum: exact for whole utterances, no other package."""
    count = round(len(samples) * to / rate)
    if count == len(samples) or not len(samples):
        return samples
    spectrum = np.fft.rfft(samples)
    fitted = np.zeros(count // 2 + 1, spectrum.dtype)
    kept = min(len(spectrum), len(fitted))
    fitted[:kept] = spectrum[:kept]
    return (np.fft.irfft(fitted, count) * (count / len(samples))).astype(np.float32)


def synthesise(utterances: int, seed: int) -> list[Utterance]:
    """Nonsense sentences in many voices, languages, rates and pitches: words, or syllables of no language.

    They are spoken in a process of their own: espeak-ng carries state from one sentence to the next, and only one that
    begins anew says the same again.
    """
    _data_path()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.npz"
        subprocess.run([sys.executable, "-m", __name__, str(utterances), str(seed), str(path)], check=True)
        with np.load(path) as spoken:
            names = spoken["voices"]
            return [Utterance(spoken[f"s{i}"], spoken[f"l{i}"], str(name)) for i, name in enumerate(names)]


def _sentences(utterances: int, seed: int) -> Iterator[Utterance]:
    synthesiser = Synthesiser(seed)
    for number in range(utterances):
        random = generator(seed, "synthesise", number)
        if random.random() < 0.5:
            words = [str(word) for word in random.choice(dictionary(), 14)]
        else:
            words = ["".join(_syllable(random) for _ in range(random.choice([1, 2, 2, 3]))) for _ in range(14)]
        for place in random.choice(13, 2, replace=False):
            words[place] += random.choice([",", "."])
        voice = f"{LANGUAGES[number % len(LANGUAGES)]}+{random.choice(VARIANTS)}"
        yield synthesiser.say(
            " ".join(words) + ".",
            voice,
            words_per_minute=int(random.integers(120, 260)),
            pitch=int(random.integers(15, 90)),
            pitch_range=int(random.integers(20, 90)),
        )


def _syllable(random: np.random.Generator) -> str:
    return random.choice(_ONSETS) + random.choice(_VOWELS) + random.choice(_CODAS)


def main() -> None:
    """Write sentences to a file: `python -m … COUNT SEED FILE.npz`."""
    count, seed, path = sys.argv[1:]
    arrays, voices = {}, []
    for i, utterance in enumerate(_sentences(int(count), int(seed))):
        arrays |= {f"s{i}": utterance.samples, f"l{i}": utterance.labels}
        voices.append(utterance.voice)
    np.savez(path, voices=np.array(voices), **arrays)


if __name__ == "__main__":
    main()
