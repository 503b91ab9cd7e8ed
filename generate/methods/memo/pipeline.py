"""MEMO as a method: a voice becomes clips of the face, which are pasted back into the picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ....core.errors import UsageError
from ....core.faces import Face, crop_face, paste_back, soft_mask
from ....core.random import generator
from ...drive import Drive, LipSyncDrive
from ...latent.networks import installed, load_network
from ...latent.portrait import FEATHER
from ...latent.samples import picture, pixels, recipe
from ...ldm.memory import Budget
from ...method import ControlValue
from ...nets.audio import RATE
from ...nets.ldm.vae import VAE
from .card import CARD
from .clips import LENGTH, Networks, Sampling, draw
from .dubbing import Dubbed, Dubbing
from .feeling import Feelings
from .hearing import Listener, around
from .model import DiffusionNet
from .params import NULL
from .projections import AudioProjection, EmotionClassifier, ImageProjection
from .reference import ReferenceNet


@dataclass(frozen=True)
class MemoPortrait:
    """A face made ready.

    Attributes:
        picture: uint8 (H, W, 3), the whole.
        matrix: (2, 3), picture → crop.
        mask: float32 (side, side), how much of a drawn crop is taken.
        latent: of the crop, (1, c, h, w).
        still: uint8 (side, side, 3), what the auto-encoder leaves of the crop; None where drawn crops are taken whole.
    """

    picture: np.ndarray
    matrix: np.ndarray
    mask: np.ndarray
    latent: Tensor
    still: np.ndarray | None


class Memo:
    """Networks of a weight record, and the speech encoder that was imported with them, if they hear by one.

    The face tokens are those of an identity that is not known, as the authors take where no face embedding can be had:
    theirs comes from networks that are for non-commercial use. Whose face it is comes from the reference network.

    Args:
        device: "auto", "cpu", "cuda", …
        weights: name of their record.
    """

    card = CARD

    def __init__(self, device: str = "auto", weights: str | None = None) -> None:
        self.device = torch.device(("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device)
        name = weights or CARD.weights[0]
        self.held = installed(CARD.name, name)
        self.records: tuple[str, ...] = (name,)

        def load(kind: Any, stem: str) -> Any:
            return load_network(kind, self.held, stem).to(self.device)

        self.audio: AudioProjection = load(AudioProjection, "audio_proj")
        encoder = None
        if self.audio.params.kind == "wav2vec2":
            self.records = (name, f"{name}-wav2vec2")
            encoder = installed(CARD.name, self.records[1]).files[0].path.parent
        self.listener = Listener(encoder, self.audio.params)
        self.nets = Networks(load(VAE, "vae"), load(ReferenceNet, "reference_net"), load(DiffusionNet, "diffusion_net"))
        self.side = self.nets.vae.params.side
        feels = any(file.path.stem == "emotion_classifier" for file in self.held.files)
        classifier: EmotionClassifier | None = load(EmotionClassifier, "emotion_classifier").cpu() if feels else None
        fits = classifier and classifier.params.features == self.audio.params.layers * self.audio.params.channels
        self.classifier = classifier if fits else None  # the published one wants features of emotion2vec
        image: ImageProjection = load(ImageProjection, "image_proj")
        with torch.inference_mode():
            self.face = image(torch.zeros(2, image.params.identity, device=self.device))  # 2 k context

    @torch.inference_mode()
    def prepare(self, image: np.ndarray, face: Face) -> MemoPortrait:
        crop = crop_face(image, face, recipe(self.side))
        latent = self.nets.vae.encode(torch.from_numpy(picture(crop.image))[None].to(self.device))
        mask = soft_mask((self.side, self.side), feather=FEATHER * self.side)
        still = pixels(self.nets.vae.decode(latent))[0] if self.nets.diffusion.params.beside else None
        return MemoPortrait(image, crop.matrix, mask, latent, still)

    def motion(
        self, state: MemoPortrait, drive: Drive, *, controls: Mapping[str, ControlValue], seed: int, fps: float
    ) -> Iterator[np.ndarray] | Iterator[Dubbed]:
        """Clips uint8 (n, side, side, 3), n = 16 but for the last one; over a video, with its frames."""
        feelings = Feelings(self.classifier, fps, LENGTH) if self.classifier and controls["emotion"] == "auto" else None
        label = NULL if feelings else self._label(controls["emotion"])
        Budget(float(controls["max_memory"]), self.device).fit(self.nets.vae, self.nets.reference, self.nets.diffusion)

        def noise(clip: int) -> Tensor:
            channels, height, width = state.latent.shape[1:]
            shape = (channels, LENGTH, height, width)
            return torch.from_numpy(generator(seed, CARD.name, clip).standard_normal(shape, np.float32))

        heard = self.listener.frames(drive.audio(RATE), fps)
        around_each = around(feelings.through(heard) if feelings else heard, self.audio.params.window)
        sound = (self.audio(block.to(self.device)) for block in around_each)
        asked: dict[str, Any] = {"emotion": feelings.clip if feelings else lambda clip: label}
        dubbing = None
        if isinstance(drive, LipSyncDrive):
            height, width = state.picture.shape[:2]
            dubbing = Dubbing(drive, (height, width), self.nets.vae, self.device, fps)
            asked["known"] = dubbing.known
        drawn = map(pixels, draw(self.nets, state.latent, self.face, sound, noise, sampling(controls), **asked))
        return map(dubbing.block, drawn) if dubbing else drawn

    def render(self, state: MemoPortrait, motion: np.ndarray | Dubbed) -> np.ndarray:
        if isinstance(motion, Dubbed):
            return motion.pasted()
        drawn = np.stack([paste_back(state.picture, crop, state.matrix, state.mask) for crop in motion])
        if state.still is None:
            return drawn
        still = paste_back(state.picture, state.still, state.matrix, state.mask)  # what is too fine for a small network
        return (drawn.astype(np.int16) - still + state.picture).clip(0, 255).astype(np.uint8)  # stays where it was

    def _label(self, emotion: ControlValue) -> int:
        """The class of an emotion, by number or, where the weights tell names, by name."""
        if emotion in ("auto", "none"):
            return NULL
        if not isinstance(emotion, str):
            return round(emotion)
        names = self.nets.diffusion.params.emotions
        if emotion not in names:
            known = f"They know: {', '.join(names)}." if names else "They name none; give a number from 0 to 8."
            raise UsageError("bad_control", f"the weights {self.held.name} know no emotion {emotion!r}", known)
        return names.index(emotion)


def sampling(controls: Mapping[str, ControlValue]) -> Sampling:
    """How to draw, of the card's controls: scales that nobody set are the common one, emotion's by its level."""
    common = float(controls["guidance"])
    image, audio, emotion = (
        common if controls[f"guidance_{name}"] == "same" else float(controls[f"guidance_{name}"])
        for name in ("image", "audio", "emotion")
    )
    precision = getattr(torch, str(controls["precision"]))
    return Sampling((image, audio, float(controls["level"]) * emotion), int(controls["steps"]), precision)


METHOD = Memo
