"""Detectors whose authors published weights, in timm: what they are, and their networks.

Their licences are their authors'; nothing of them ships. Each comes with the picture that it was trained on: how the
face is cut out, how large, and which numbers are white. A raw score is the margin of "synthetic"; what it means is
measured on the user's own clips (detect/importing.py), for a published network has no rate of false alarms of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from ...core.checkpoint import HINT
from ...core.errors import AssetError, UsageError
from .blended import pictures
from .published_keys import MAPS
from .recipes import AlignedRecipe, BoxRecipe, Recipe

_CLIP = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@dataclass(frozen=True)
class Published:
    """What somebody published.

    Attributes:
        title, source, terms: paper, where the weights are, and their licence, in words.
        backbone: the network's name in timm.
        recipe: of the crop.
        mean, std: of its pictures, on a scale of 0 to 1.
        outputs: 2 for genuine and synthetic, 1 for synthetic alone.
        unit: whether features are brought to length 1 before the last layer.
        options: further arguments for timm.
    """

    title: str
    source: str
    terms: str
    backbone: str
    recipe: Recipe
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    outputs: int = 2
    unit: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)


_VIT = "vit_large_patch14_clip_quickgelu_224"
PUBLISHED: dict[str, Published] = {
    "xception": Published(
        "Xception of DeepfakeBench (Yan et al., NeurIPS 2023)",
        "github.com/SCLBD/DeepfakeBench, release v1.0.1, xception_best.pth",
        "CC BY-NC 4.0",
        "legacy_xception",
        AlignedRecipe(256),
    ),
    "sbi": Published(
        "Self-blended images (Shiohara and Yamasaki, CVPR 2022)",
        "github.com/mapooon/SelfBlendedImages, FFraw.tar or FFc23.tar",
        "for research alone",
        "tf_efficientnet_b4",
        BoxRecipe(380, 0.125, stretch=True),
        (0.0, 0.0, 0.0),
        (1.0, 1.0, 1.0),
    ),
    "selimsef": Published(
        "Winner of the Deepfake Detection Challenge (Seferbekov, 2020)",
        "github.com/selimsef/dfdc_deepfake_challenge, release 0.0.1",
        "MIT",
        "tf_efficientnet_b7",
        BoxRecipe(380, 0.3),
        *_IMAGENET,
        outputs=1,
    ),
    "effort": Published(
        "Effort (Yan et al., ICML 2025)",
        "github.com/YZY-stack/Effort-AIGI-Detection",
        "for research alone",
        _VIT,
        AlignedRecipe(224),
        *_CLIP,
    ),
    "gend": Published(
        "GenD on CLIP (Yermakov et al., WACV 2026)",
        "huggingface.co/yermandy/GenD_CLIP_L_14",
        "MIT",
        _VIT,
        BoxRecipe(224, 0.15),
        *_CLIP,
        unit=True,
    ),
    "gend-pe": Published(
        "GenD on the Perception Encoder (Yermakov et al., WACV 2026)",
        "huggingface.co/yermandy/GenD_PE_L",
        "MIT",
        "vit_pe_core_large_patch14_336",
        BoxRecipe(224, 0.15),
        unit=True,
        options={"dynamic_img_size": True},
    ),
}


class PublishedNet(nn.Module):
    """Pictures (b, 3, h, w) in [0, 1] → margin of "synthetic" (b,)."""

    def __init__(self, published: Published) -> None:
        super().__init__()
        self.published = published
        self.backbone: Any = timm.create_model(published.backbone, num_classes=0, **published.options)
        self.head = nn.Linear(self.backbone.num_features, published.outputs)

    def forward(self, pictures: Tensor) -> Tensor:
        mean, std = (pictures.new_tensor(value)[:, None, None] for value in (self.published.mean, self.published.std))
        features = self.backbone((pictures - mean) / std)
        logits = self.head(nn.functional.normalize(features) if self.published.unit else features)
        return logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]


class PublishedModel:
    """A network with weights, as `PictureDetector` uses it."""

    def __init__(self, net: PublishedNet) -> None:
        self.net, self.recipe = net.eval(), net.published.recipe

    @torch.inference_mode()
    def look(self, crops: np.ndarray) -> tuple[np.ndarray, None]:
        return self.net(pictures(torch.from_numpy(crops))).numpy(), None


def assemble(name: str, content: Mapping[str, Any]) -> PublishedNet:
    """The network `name` with a checkpoint's content in it.

    Raises:
        UsageError: `unknown_weights`.
        AssetError: `bad_checkpoint` if names or shapes are another network's.
    """
    if name not in PUBLISHED:
        raise UsageError(
            "unknown_weights", f"no published detector is called {name!r}", f"There are: {', '.join(PUBLISHED)}."
        )
    return filled(name, MAPS[name](content))


def filled(name: str, tensors: Mapping[str, Tensor]) -> PublishedNet:
    """The network `name` with these tensors, all of them and no others.

    Raises:
        AssetError: `bad_checkpoint`.
    """
    with torch.device("meta"):  # names and shapes first: a large network need not be made to see that they are wrong
        net = PublishedNet(PUBLISHED[name])
    wanted = net.state_dict()
    wrong = sorted(key for key in wanted.keys() ^ tensors.keys())
    wrong = wrong or [key for key in wanted if wanted[key].shape != tensors[key].shape]
    if wrong:
        message = f"{wrong[0]} is missing, one too many or of another shape, as {len(wrong)} are"
        raise AssetError("bad_checkpoint", message, HINT)
    if broken := [key for key, t in tensors.items() if t.is_floating_point() and not t.isfinite().all()]:
        raise AssetError("bad_checkpoint", f"{broken[0]} holds numbers that are none", HINT)
    if any(buffer not in wanted for buffer, _ in net.named_buffers()):  # tables that timm computes and never stores
        net = PublishedNet(PUBLISHED[name])
    net.load_state_dict({key: tensors[key].to(wanted[key].dtype) for key in wanted}, assign=True)
    return net.requires_grad_(False).eval()
