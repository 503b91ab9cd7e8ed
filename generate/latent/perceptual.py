"""Perceptual losses by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.errors import AssetError, UsageError
from .losses import pyramid

Perceptual = Callable[[Tensor, Tensor, Tensor | None], Tensor]
VGG19 = "vgg19-dcbb9e9d.pth"
TAPS = (1, 6, 11, 20, 29)  # relu1_1 … relu5_1 (Johnson et al. 2016, as LIA takes them)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class VGG(nn.Module):
    """L1 between features of VGG-19 over a pyramid of pictures, plus L1 of the pictures.

    Args:
        weights: torchvision's file of VGG-19.

    Raises:
        AssetError: "weights_missing", "bad_checkpoint".
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: Path, scales: int = 4) -> None:
        super().__init__()
        self.scales = scales
        self.layers = _convolutions()
        try:
            held = torch.load(weights, map_location="cpu", weights_only=True)
            self.layers.load_state_dict(
                {k.removeprefix("features."): v for k, v in held.items() if k.startswith("features.")}, strict=False
            )
            assert torch.equal(self.layers.state_dict()["0.weight"], held["features.0.weight"])
        except FileNotFoundError as error:
            raise AssetError(
                "weights_missing",
                f"there is no {weights}",
                f"Put torchvision's {VGG19} there, or train with another preset.",
            ) from error
        except Exception as error:
            raise AssetError("bad_checkpoint", f"{weights} is not torchvision's VGG-19: {error}") from error
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, made: Tensor, wanted: Tensor, weight: Tensor | None = None) -> Tensor:
        total = (made - wanted).abs().mean()
        for scale in range(self.scales):
            if scale:
                made, wanted = F.avg_pool2d(made, 2), F.avg_pool2d(wanted, 2)
            x, y = (((each + 1) / 2 - self.mean) / self.deviation for each in (made, wanted))
            for number, layer in enumerate(self.layers):
                x, y = layer(x), layer(y)
                if number in TAPS:
                    total = total + (x - y.detach()).abs().mean()
        return total


def _convolutions() -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for block, (width, depth) in enumerate(((64, 2), (128, 2), (256, 4), (512, 4), (512, 1))):
        if block:
            layers.append(nn.MaxPool2d(2))
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
    return nn.Sequential(*layers)


def perceptual(name: str) -> Perceptual:
    """The loss of that name: "pyramid", or "vgg19" with torchvision's weights from torch's own cache folder.

    Raises:
        UsageError: "bad_config" for another name.
        AssetError: "weights_missing".
    """
    if name == "pyramid":
        return pyramid
    if name == "vgg19":
        return VGG(Path(torch.hub.get_dir()) / "checkpoints" / VGG19)
    raise UsageError("bad_config", f"there is no perceptual loss {name!r}", "There are: pyramid, vgg19.")
