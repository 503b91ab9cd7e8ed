"""Training of the blended detector on genuine faces alone; synthetic clips serve for judging, not for learning."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from ..core.errors import AssetError
from ..core.faces import CropRecipe, Face
from ..core.faces.crop import warp
from ..core.random import generator
from ..core.training import Batch, Card, Networks, Recipe, Request, Stage, Turn, cosine
from ..datasets.crops import Crops, FaceClip, face_crops
from ..datasets.index import Entry, split, write_index
from ..datasets.manifest import read_videos
from ..datasets.stills import is_still, still_crops
from ..provenance import VideoMarker
from .blending import MOUTH, WHOLE, camera, self_blend
from .calibration import Calibration
from .detectors.blended import BlendedModel, BlendedNet, BlendedParams, calibrated, pictures
from .fitting import duels

FPS, SIZE, MARGIN, LONGEST = 4.0, 256, 0.3, 5.0  # of the crops that are learned from
SHARES = {"train": 0.6, "val": 0.4}  # of the people, where the index names no splits
MARKS = 8  # watermarks that are drawn from
STILLS = 0.5  # share of the draws, where there are videos, too


@dataclass(frozen=True)
class Preset:
    """One size of the training.

    Attributes:
        batch: pairs in a step.
        start: safetensors of the backbone to start from, with timm's names; empty to start from nothing.
    """

    steps: int
    batch: int
    rate: float
    expect: str
    net: BlendedParams = field(default_factory=BlendedParams)
    average: float = 0.995
    start: str = ""


class BlendedStage(Stage):
    """Tell a genuine face from itself blended into itself, and say where."""

    def __init__(self, request: Request) -> None:
        preset: Preset = request.preset
        self.steps, self.batch_size, self.seed = preset.steps, preset.batch, request.seed
        self.look_every = max(preset.steps // 2, 1)
        self.faces = Faces(request, "train")
        self.unseen = Faces(request, "val")
        self.net = BlendedNet(preset.net)
        if preset.start:
            begin(self.net, preset.start)
        self.networks, self.averages = {"blended": self.net}, {"blended": preset.average}
        adam = torch.optim.AdamW(self.net.parameters(), preset.rate, weight_decay=0.02)
        self.turns = (Turn("blended", adam, self.losses, schedule=cosine(warmup=preset.steps // 20)),)
        self.marks = [
            VideoMarker(f"{number:016x}", width=SIZE, height=SIZE, fps=25, key=bytes(32)) for number in range(MARKS)
        ]
        seen = "colour and three high-pass residuals" if preset.net.residuals else "colour"
        self.card = Card(
            "blended",
            f"{preset.net.backbone} (timm) on {seen} of a face in {preset.net.size} px, trained on self-blends; "
            "Platt scaling; conformal false alarms over people",
            {"code": "Apache-2.0", "weights": "Apache-2.0", "data": "under the terms that are named with each"},
            self.faces.sources(),
        )

    def draw(self, position: int) -> dict[str, np.ndarray]:
        random = self.random(position)
        clip, index = self.faces.draw(random)
        frame, landmarks = np.asarray(clip.frames[index]), np.asarray(clip.landmarks[index])
        region = (WHOLE + MOUTH)[random.integers(len(WHOLE + MOUTH))]
        pair = self_blend(frame, landmarks, random, region)
        both = np.stack([pair.genuine, pair.blended])
        if random.random() < 0.5:  # the mark stands on both, so that nothing can be learned from it
            both = self.marks[random.integers(MARKS)].mark(both, int(random.integers(25, 250)))
        return cut(both, pair.mask, landmarks, self.net.params, random)

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        shown = pictures(batch["pictures"]).flatten(0, 1)  # b 2 3 h w → 2b 3 h w, genuine and blended in turn
        maps = self.net(shown)
        blended = torch.arange(len(shown), device=shown.device) % 2
        where = nn.functional.adaptive_max_pool2d(batch["mask"].float()[:, None] / 255, maps.shape[-2:])
        target = torch.zeros_like(maps[:, 1])
        target[1::2] = (where[:, 0] > 0.1).float()
        bce = nn.functional.binary_cross_entropy_with_logits
        return {"picture": bce(maps[:, 0].mean((1, 2)), blended.float()), "where": bce(maps[:, 1], target)}

    def evaluate(self, networks: Networks) -> dict[str, float]:
        return Judgement(self._model(networks), self.unseen).figures()

    def weights(self, networks: Networks) -> dict[str, dict[str, Tensor]]:
        model = self._model(networks)
        return {"blended": calibrated(model.net, Judgement(model, self.unseen).calibration())}

    def pictures(self, networks: Networks) -> np.ndarray:
        """Genuine, blended, where, and where the network sees it."""
        rows = []
        for position in range(4):
            sample = self.draw(position)
            heat = self._model(networks).look(sample["pictures"])[1][1]
            grey = [sample["mask"], np.round(255 * cv2.resize(heat, sample["mask"].shape)).astype(np.uint8)]
            rows.append(np.stack([*sample["pictures"], *(np.repeat(one[..., None], 3, 2) for one in grey)]))
        return np.stack(rows)

    def _model(self, networks: Networks) -> BlendedModel:
        net = networks["blended"]
        assert isinstance(net, BlendedNet)
        return BlendedModel(net)


class Faces:
    """The faces of one split: genuine videos and stills to draw from, and synthetic clips."""

    def __init__(self, request: Request, part: str) -> None:
        entries = parted(read_videos(request.data))
        chosen = [entry for entry in entries if entry.split == part]
        genuine = [entry for entry in chosen if entry.label == "genuine"]
        stills = still_crops(
            [entry for entry in genuine if is_still(entry)],
            request.cache,
            size=SIZE,
            margin=MARGIN,
            progress=request.progress,
        )
        self.videos = _clips(request, [entry for entry in genuine if not is_still(entry)], f"genuine-{part}")
        self.synthetic = _clips(
            request, [entry for entry in chosen if entry.synthetic], f"synthetic-{part}", part == "val"
        )
        self.stills = stills
        self._drawn = [Crops(clips) for clips in (self.videos, stills) if clips]
        if not self._drawn:
            raise AssetError("data_missing", f"{request.data} names no genuine face to {part}", "Name more people.")

    def draw(self, random: np.random.Generator) -> tuple[FaceClip, int]:
        """A clip and a frame of it; people first."""
        return self._drawn[int(random.random() < STILLS) % len(self._drawn)].window(random, 1)

    def sources(self) -> list[str]:
        lines = Crops(self.videos).sources() if self.videos else []
        terms = sorted({clip.licence for clip in self.stills})
        return lines + [
            f"stills of {len({c.identity for c in self.stills if c.licence == t})} people: {t}" for t in terms
        ]


def _clips(request: Request, entries: list[Entry], name: str, wanted: bool = True) -> list[FaceClip]:
    if not entries or not wanted:
        return []
    request.cache.mkdir(parents=True, exist_ok=True)
    index = request.cache / f"{name}.jsonl"
    write_index(index, entries)
    given = {"fps": FPS, "size": SIZE, "margin": MARGIN, "longest": LONGEST, "workers": request.workers}
    return face_crops(index, request.cache, progress=request.progress, **given).clips


def parted(entries: list[Entry]) -> list[Entry]:
    """Entries with splits: their own, or by people; "test" is judged as "val" is."""
    if not any(entry.split for entry in entries):
        return split(entries, SHARES)
    return [replace(entry, split="val" if entry.split == "test" else entry.split) for entry in entries]


def cut(
    both: np.ndarray,
    mask: np.ndarray | None,
    landmarks: np.ndarray,
    params: BlendedParams,
    random: np.random.Generator | None = None,
) -> dict[str, np.ndarray]:
    """The network's crop of pictures (n, h, w, 3) and a mask; with `random` a little off and through a camera.

    Returns:
        pictures uint8 (n, size, size, 3), mask uint8 (size, size).
    """
    size = params.size
    matrix = CropRecipe(size, params.margin).matrix(Face.of(landmarks, 1.0))
    if random is not None:
        middle = (size - 1) / 2
        off = cv2.getRotationMatrix2D((middle, middle), float(random.uniform(-6, 6)), float(random.uniform(0.88, 1.12)))
        off[:, 2] += random.uniform(-0.04, 0.04, 2) * size
        matrix = off @ np.vstack([matrix, [0, 0, 1]])
    seen = [warp(one, matrix, (size, size)) for one in both]
    mask = np.zeros(both.shape[1:3]) if mask is None else mask
    where = warp(np.round(255 * mask).astype(np.uint8), matrix, (size, size))
    if random is not None:
        taken = camera(random)
        seen = [taken(one) for one in seen]
        if random.random() < 0.5:
            seen, where = [one[:, ::-1] for one in seen], where[:, ::-1]
    return {"pictures": np.stack(seen), "mask": np.ascontiguousarray(where)}


def begin(net: BlendedNet, path: str) -> None:
    """Start from a backbone's weights; the classifier they may hold is left out.

    Raises:
        AssetError: `bad_weights` if they are another network's.
    """
    from safetensors.torch import load_file

    tensors = load_file(path)
    own = net.backbone.state_dict()
    if missing := [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]:
        raise AssetError("bad_weights", f"{path} has no {missing[0]} of {net.params.backbone}", "Take that network's.")
    net.backbone.load_state_dict({name: tensors[name] for name in own})


class Judgement:
    """What a network says of people it has not met: their clips, their pictures, these blended, and synthetic clips."""

    def __init__(self, model: BlendedModel, unseen: Faces) -> None:
        self.model, self.unseen = model, unseen
        self.clips = self._scores(unseen.videos)
        # kind → scores of genuine counterparts and of blends, and their clips
        self.blends: dict[str, tuple[np.ndarray, np.ndarray, list[FaceClip]]] = {
            f"{kind} blends of {what}": (self._scores(clips, regions, False), self._scores(clips, regions, True), clips)
            for what, clips in (("videos", unseen.videos), ("pictures", unseen.stills))
            for kind, regions in (("face", WHOLE), ("mouth", MOUTH))
            if clips
        }

    def calibration(self) -> Calibration:
        """Genuine clips against blends of them, whole face and mouth.

        Raises:
            AssetError: `data_missing` if nobody's videos were held out.
        """
        if len({clip.identity for clip in self.unseen.videos}) < 2:
            raise AssetError("data_missing", "videos of two people at least must be held out", "Name more people.")
        made = [self.blends[f"{kind} blends of videos"][1] for kind in ("face", "mouth")]
        synthetic = np.repeat([False, True, True], len(self.clips))
        people = np.tile([clip.identity for clip in self.unseen.videos], 3)
        return Calibration.fit(np.concatenate([self.clips, *made]), synthetic, people)

    def figures(self) -> dict[str, float]:
        """Areas under the ROC curve, people weighing the same."""
        told: dict[str, float] = {"people held out": len({c.identity for c in self.unseen.videos + self.unseen.stills})}
        for name, (low, high, clips) in self.blends.items():
            told[f"AUC of {name}"] = _auc(low, clips, high, clips)
        for name in sorted({clip.entry.generator for clip in self.unseen.synthetic} if self.unseen.videos else ()):
            made = [clip for clip in self.unseen.synthetic if clip.entry.generator == name]
            told[f"AUC of {name}"] = _auc(self.clips, self.unseen.videos, self._scores(made), made)
        return {name: round(float(value), 4) for name, value in told.items()}

    def _scores(self, clips: list[FaceClip], regions: tuple[str, ...] = (), blended: bool = True) -> np.ndarray:
        """Raw scores (n,) of clips; with `regions`, of their blends or of these blends' counterparts."""
        scores = []
        for number, clip in enumerate(clips):
            crops = []
            for frame, landmarks in zip(clip.frames, clip.landmarks, strict=True):
                seen, points = np.asarray(frame), np.asarray(landmarks)
                if regions:
                    region = regions[number % len(regions)]
                    pair = self_blend(seen, points, generator(0, "judge", clip.name, region), region)
                    seen = pair.blended if blended else pair.genuine
                crops.append(cut(seen[None], None, points, self.model.net.params)["pictures"])
            scores.append(self.model.look(np.concatenate(crops))[0].mean())
        return np.array(scores)


def _auc(low: np.ndarray, genuine: list[FaceClip], high: np.ndarray, made: list[FaceClip]) -> float:
    kinds = np.array(["genuine"] * len(low) + ["synthetic"] * len(high))
    return float(duels(np.concatenate([low, high]), kinds, np.array([c.identity for c in [*genuine, *made]])).mean())


def _materials(request: Request) -> dict[str, Any]:
    entries = parted(read_videos(request.data))
    told: dict[str, Any] = {}
    for part in ("train", "val"):
        genuine = [entry for entry in entries if entry.split == part and entry.label == "genuine"]
        told[f"{part}_people"] = len({entry.identity for entry in genuine})
        told[f"{part}_videos"] = sum(not is_still(entry) for entry in genuine)
        told[f"{part}_pictures"] = sum(is_still(entry) for entry in genuine)
    return told | {"synthetic_judged": sum(entry.synthetic and entry.split == "val" for entry in entries)}


PRESETS = {
    "standard": Preset(
        3000, 16, 2e-3, "a detector of blends, from a hundred people; 20 minutes on one idle core", average=0.998
    ),
    "large": Preset(
        60_000,
        16,
        3e-4,
        "EfficientNet-B4 at 380 px, as the paper has it; for a GPU and thousands of people's videos; not run here",
        BlendedParams("tf_efficientnet_b4", residuals=False, size=380),
        average=0.999,
    ),
    "toy": Preset(4, 2, 1e-3, "nothing: for tests", BlendedParams("lcnet_050", size=64), average=0.5),
}
STAGES = {1: Recipe("self-blended images", PRESETS, BlendedStage, _materials)}
