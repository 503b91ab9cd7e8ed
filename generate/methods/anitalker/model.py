"""AniTalker, second stage: motion codes from sound by diffusion over a Conformer.

Liu et al., "AniTalker: Animate Vivid and Diverse Talking Faces through Identity-Decoupled Facial Motion Encoding",
ACM MM 2024 (arXiv 2405.03121), section 3.3 and figure 4. A denoiser is told, frame by frame, what is heard, where the
portrait's motion starts and how it looks; head pose, place and scale are predicted from the sound, or given, by a
variance adapter (Ren et al., FastSpeech 2, ICLR 2021).

    paper                          here
    speech feature s               features (b, n, substeps, layers, channels)
    speech encoder (Conformer)     speech
    variance adapter, p l z        adapter, signals pose, location, scale
    motion code m, noisy m_t       x (b, n, motion)
    start motion, appearance code  start.code (motion,), start.appearance (appearance,)
    diffusion step t               t, a whole number
    noise estimate                 forward(…)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from ....core.errors import UsageError
from ...nets.audio import front_end
from ...nets.conformer import Conformer
from ...nets.windows import MotionModel, Start, Window
from .params import SIGNALS, MotionParams


@dataclass(frozen=True)
class Controls:
    """What a caller may set.

    Attributes:
        signals: a signal of the model → its value, (k,) for all frames or (frames, k), the last one held: `pose` is
            yaw, pitch and roll in units of 90°, `location` and `scale` lie in [0, 1]. What is not given is predicted.
        steps: diffusion steps of sampling.
    """

    signals: Mapping[str, Tensor] | None = None
    steps: int = 50


class Recurrent(nn.Module):
    """Two LSTM layers and a linear one: (b, n, inputs) → (b, n, outputs)."""

    def __init__(self, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(inputs, width, 2, batch_first=True)
        self.out = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.lstm(x)[0])


class Signal(nn.Module):
    """One control: read from the sound, or given, and its code."""

    def __init__(self, size: int, params: MotionParams) -> None:
        super().__init__()
        self.predictor = Recurrent(params.speech.width, size, params.adapter)
        self.encoder = Recurrent(size, params.speech.width, params.adapter)


class AniTalkerMotion(MotionModel):
    """The model of `params`."""

    name = "anitalker"

    def __init__(self, params: MotionParams | None = None) -> None:
        params = params or MotionParams()
        super().__init__(params.motion, params.window, params.diffusion)
        self.params = params
        audio, width = params.audio, params.speech.width
        if audio.layers > 1:
            self.layer_weights = nn.Parameter(torch.zeros(audio.layers))
        self.front = front_end(audio)
        halvings = int(math.log2(audio.substeps))
        widths = [audio.width, *[width // 2] * (halvings - 1), width]
        self.downsample = nn.Sequential(*(nn.Conv1d(*ends, 3, stride=2, padding=1) for ends in pairwise(widths)))
        self.speech = Conformer(params.speech) if params.speech.depth else nn.Identity()
        self.adapter = nn.ModuleDict({name: Signal(SIGNALS[name], params) for name in params.signals})
        self.start = nn.Linear(params.appearance, params.projection)
        self.code = nn.Linear(params.motion, params.projection)
        self.noisy = nn.Linear(params.motion, params.projection)
        self.time = nn.Linear(1, params.projection)
        self.decoder = Conformer(params.decoder)
        self.out = nn.Linear(params.decoder.width, params.motion)

    def listen(self, features: Tensor, given: Mapping[str, Tensor] | None = None) -> tuple[Tensor, dict[str, Tensor]]:
        """What is heard, with the controls in it: needed once for all steps of diffusion.

        Args:
            features: (b, n, substeps, layers, channels).
            given: signals (b, n, k) that are not to be predicted.

        Returns:
            The code (b, n, width), and every predicted signal (b, n, k).
        """
        if self.params.audio.layers > 1:
            features = torch.einsum("bnslc,l->bnsc", features, self.layer_weights.softmax(0))[..., None, :]
        x = self.front(features).flatten(1, 3).transpose(1, 2)  # b channels n·substeps
        x = self.speech(self.downsample(x).transpose(1, 2))  # b n width
        predicted = {}
        for name, signal in self.adapter.items():
            assert isinstance(signal, Signal)
            value = (given or {}).get(name)
            if value is None:
                value = predicted[name] = signal.predictor(x)
            x = x + signal.encoder(value)
        return x, predicted

    def forward(
        self,
        x: Tensor,
        t: Tensor,
        *,
        heard: Tensor,
        code: Tensor,
        appearance: Tensor,
        distances: list[Tensor] | None = None,
    ) -> Tensor:
        """The noise in x (b, n, motion) at steps t (b,).

        Args:
            heard: (b, n, width) of `listen`.
            code: the portrait's motion code (b, motion).
            appearance: its appearance code (b, appearance).
            distances: of n frames, from `decoder.distances`, if known.
        """
        whole = (self.code(code), self.start(appearance))  # b projection
        step = self.time(t[:, None].to(x.dtype) / self.params.time_unit)
        count = x.shape[1]
        parts = [part[:, None].expand(-1, count, -1) for part in (*whole, step)]
        joined = torch.cat([heard, parts[0], parts[1], self.noisy(x), parts[2]], -1)  # b n width of the decoder
        return self.out(self.decoder(joined, distances))

    def draw(self, window: Window, start: Start, noise: Tensor, controls: Controls | None) -> Tensor:
        controls = controls or Controls()
        unknown = set(controls.signals or {}) - set(self.params.signals)
        if unknown:
            raise UsageError(
                "unknown_control",
                f"these weights of AniTalker have no control {', '.join(sorted(unknown))}",
                f"They have: {', '.join(self.params.signals) or 'none'}.",
            )
        first, count = window.start - window.seen, len(window.features)
        given = {name: _track(value, first, count)[None] for name, value in (controls.signals or {}).items()}
        heard, _ = self.listen(window.features[None], given)
        conditions = {"heard": heard, "code": start.code[None], "appearance": start.appearance[None]}
        known = window.past[None, len(window.past) - window.seen :] if window.seen else None
        places = self.decoder.distances(noise[None])
        codes = self.diffusion.sample(
            lambda x, t: self(x, t, **conditions, distances=places), noise[None], controls.steps, known
        )
        return codes[0, window.seen :]

    def loss(
        self, codes: Tensor, features: Tensor, start: Start, signals: Mapping[str, Tensor], t: Tensor, noise: Tensor
    ) -> dict[str, Tensor]:
        """Terms of training (section 3.3): the noise, and each signal predicted from the sound, by mean square.

        Args:
            codes: motion codes (b, n, motion) of real clips.
            features: their sound (b, n, substeps, layers, channels).
            start: codes (b, motion) and (b, appearance) of a picture of the same person.
            signals: measured signals (b, n, k), which also stand for the predicted ones in the denoiser.
            t: diffusion steps (b,).
            noise: (b, n, motion).
        """
        codes, code = self.unit(codes), self.unit(start.code)
        _, predicted = self.listen(features)
        heard, _ = self.listen(features, signals)
        conditions = {"heard": heard, "code": code, "appearance": start.appearance}
        terms = {"noise": self.diffusion.loss(lambda x, t: self(x, t, **conditions), codes, t, noise)}
        return terms | {name: (predicted[name] - signals[name]).square().mean() for name in predicted}


def _track(value: Tensor, first: int, count: int) -> Tensor:
    """Rows (count, k) of a signal (k,) or (frames, k) from frame `first`; the last is held."""
    if value.ndim == 1:
        return value.expand(count, -1)
    return value[torch.arange(first, first + count).clamp_max(len(value) - 1)]
