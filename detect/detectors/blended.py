"""The blended detector: a network of single pictures that learned from self-blended images (detect/blending.py).

It sees colour and three high-pass residuals, and gives two maps: evidence, whose mean is the picture's score, and where
it takes the picture to be blended, which the report shows as heat.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from ...core.errors import AssetError
from ...core.faces import CropRecipe
from ...core.training.tensors import read_tensors
from ...core.weights import WeightRecord, check, read_record, record
from ..calibration import Calibration
from .frames import PictureDetector
from .residual import WEIGHTS

AGAIN = "Train or install these weights again."


@dataclass(frozen=True)
class BlendedParams:
    """Sizes of the network.

    Attributes:
        backbone: a convolutional network of timm, by its name there.
        residuals: whether the high-pass residuals are part of the input; no for a backbone that was trained elsewhere.
        size: pixels of the crop.
        margin: room around the face, as in `CropRecipe`.
    """

    backbone: str = "mobilenetv4_conv_small_050"
    residuals: bool = True
    size: int = 128
    margin: float = 0.08


class BlendedNet(nn.Module):
    """Pictures (b, 3, h, w) in [0, 1] → logits (b, 2, g, g): evidence, and how blended each cell is."""

    kernels: Tensor

    def __init__(self, params: BlendedParams) -> None:
        super().__init__()
        self.params = params
        channels = 6 if params.residuals else 3
        self.backbone: Any = timm.create_model(params.backbone, in_chans=channels, num_classes=0, global_pool="")
        self.head = nn.Conv2d(self.backbone.num_features, 2, 1)
        kernels = np.zeros((3, 1, 5, 5), np.float32)  # after Fridrich and Kodovský (2012): first, second, third order
        kernels[0, 0, 2, 1:4] = 0, -1, 1
        kernels[1, 0, 1:4, 1:4] = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4
        kernels[2, 0] = np.outer([-1, 2, -2, 2, -1], [1, -2, 2, -2, 1]) / 12
        self.register_buffer("kernels", torch.from_numpy(kernels), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        x = 2 * pictures - 1
        if self.params.residuals:
            luma = pictures.mean(1, keepdim=True)
            residuals = nn.functional.conv2d(luma, self.kernels, padding=2)
            x = torch.cat([x, (12 * residuals).clamp(-1, 1)], 1)
        x = x.contiguous(memory_format=torch.channels_last)  # halves the time on a CPU
        return self.head(self.backbone.forward_features(x))


class BlendedModel:
    """A trained network, as `PictureDetector` uses it."""

    def __init__(self, net: BlendedNet) -> None:
        self.net = net.eval()
        self.recipe = CropRecipe(net.params.size, net.params.margin)

    @torch.inference_mode()
    def look(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps = self.net(pictures(torch.from_numpy(crops)))
        return maps[:, 0].mean((1, 2)).numpy(), maps[:, 1].sigmoid().numpy()


class BlendedDetector(PictureDetector):
    """Reads self-blends' traces in single frames."""

    @classmethod
    def of(cls, record: WeightRecord) -> BlendedDetector:
        """From a record of weights, its file checked.

        Raises:
            AssetError: `weights_missing`, `hash_mismatch`, `bad_weights`.
        """
        check(record)
        net, calibration = read(record.files[0].path)
        about = {"How it works": record.architecture, "Trained on": "; ".join(map(str, record.data))}
        about |= {"Tested": words} if (words := record.metrics.get("in words")) else {}
        return cls("blended", BlendedModel(net), calibration, about | {"Weights": f"SHA-256 {record.files[0].sha256}"})

    @classmethod
    @cache
    def shipped(cls) -> BlendedDetector:
        """The one whose weights come with the package; raises as `of` does."""
        return cls.of(read_record(WEIGHTS / "blended.record.json"))

    @classmethod
    def added(cls, name: str) -> BlendedDetector:
        """Weights that `facewright weights add NAME RUN` put there; raises `UsageError`, too, `unknown_weights`."""
        return cls.of(record(name))


def pictures(crops: Tensor) -> Tensor:
    """uint8 (…, h, w, 3) → float32 (…, 3, h, w) in [0, 1]."""
    return crops.movedim(-1, -3).float() / 255


def calibrated(net: BlendedNet, calibration: Calibration) -> dict[str, Tensor]:
    """What is stored: the network's tensors and the calibration's."""
    platt = torch.tensor([calibration.slope, calibration.offset])
    people = {"genuine": calibration.genuine, "weights": calibration.weights}
    stored = {"platt": platt} | {name: torch.from_numpy(value.astype(np.float32)) for name, value in people.items()}
    return dict(net.state_dict()) | {f"calibration.{name}": value for name, value in stored.items()}


def read(path: Path) -> tuple[BlendedNet, Calibration]:
    """The network and calibration that a run stored.

    Raises:
        AssetError: `weights_missing`, `bad_weights`.
    """
    try:
        if (stored := read_tensors(path)) is None:
            raise AssetError("weights_missing", f"{path} is not there", AGAIN)
        tensors = {name: value.float() if value.is_floating_point() else value for name, value in stored[0].items()}
        net = BlendedNet(BlendedParams(**stored[1]["params"]))
        platt, genuine, weights = (tensors.pop(f"calibration.{name}") for name in ("platt", "genuine", "weights"))
        net.load_state_dict(tensors)
        slope, offset = platt.tolist()
        calibration = Calibration(slope, offset, genuine.double().numpy(), weights.double().numpy())
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise AssetError("bad_weights", f"{path} holds no blended detector: {error}", AGAIN) from error
    return net.eval(), calibration
