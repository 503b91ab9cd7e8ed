"""Does the network hear phones in voices it never met? Trains without some voices and listens to them.

    python benchmarks/phones.py DATA --leave lj jfk grid_a ocasio_cortez     trains anew (minutes), without these voices
    python benchmarks/phones.py DATA --leave lj --weights voice.safetensors  a network that was trained without them

Labels of real speech are forced alignments, themselves not free of error. `accuracy`: share of ticks of speech (10 ms)
with the right class of 25. `closed_open`: AUC of the probability of p, b, m between ticks of p, b, m and open vowels;
`closed_other`: the same against all other speech. Prints JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from facewright.generate.bench.lips import auc
from header import header


def figures(phones: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Of probabilities (ticks, 25) against labels (ticks,)."""
    from facewright.generate.methods.meshwarp.phones import CLOSED, INDEX, OPEN

    count = min(len(phones), len(labels))
    phones, labels = phones[:count], labels[:count]
    speech = labels != INDEX["sil"]
    closed, open_ = (np.isin(labels, [INDEX[name] for name in names]) for names in (CLOSED, OPEN))
    shut = phones[:, [INDEX[name] for name in CLOSED]].sum(1)
    return {
        "seconds": count / 100,
        "accuracy": float((phones.argmax(1) == labels)[speech].mean()),
        "closed_open": auc(shut[open_], shut[closed]),
        "closed_other": auc(shut[speech & ~closed], shut[closed]),
    }


def main() -> None:
    from facewright.generate.methods.meshwarp.motion_weights import load_voice
    from facewright.generate.methods.meshwarp.presets import PRESETS
    from facewright.generate.methods.meshwarp.train_espeak import synthesise
    from facewright.generate.methods.meshwarp.train_speech import real_speech
    from facewright.generate.methods.meshwarp.train_voice import train_voice
    from facewright.generate.methods.meshwarp.voice import Listener

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--leave", nargs="+", required=True, metavar="VOICE")
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    speech = real_speech(given.data)
    preset = PRESETS["standard"]
    if given.weights:
        net = load_voice(given.weights)
    else:
        known = [one for one in speech if one.voice not in given.leave]
        synthetic = synthesise(preset.training.utterances, 0)
        net = train_voice(
            preset.voice, preset.training, synthetic, known, progress=lambda at: print(at, file=sys.stderr, flush=True)
        )
    listener, rows = Listener(net), {}
    for voice in given.leave:
        parts = [(one, list(listener.stream([one.samples]))) for one in speech if one.voice == voice]
        heard = [np.concatenate([segment.phones for segment in part])[: len(one.labels)] for one, part in parts]
        rows[voice] = figures(np.concatenate(heard), np.concatenate([one.labels for one, _ in parts]))
    print(json.dumps({**header(), "voices": rows}, indent=1))


if __name__ == "__main__":
    main()
