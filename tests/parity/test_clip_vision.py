"""CLIP's picture tower, as Make-Your-Anchor looks at appearances, gives the recorded tokens."""

from __future__ import annotations

import torch
from facewright.generate.methods.makeyouranchor import convert_pictures, pictures

from .fixture import Fixture


@torch.inference_mode()
def test_tokens():
    fixture = Fixture("clip_vision_b32_reduced")
    net = convert_pictures.appearance(fixture.weights("clip"), fixture.config)
    given = fixture.inputs()["pixel_values"]
    fixture.check({"last_hidden_state": net.tokens(given), "pooler": net.net(pixel_values=given).pooler_output})
    straight = net((given * 0.1).clamp(-1, 1))  # the right size already: colours alone are moved
    mean, deviation = (torch.tensor(value) for value in (pictures.MEAN, pictures.DEVIATION))
    moved = ((given * 0.1).clamp(-1, 1) / 2 + 0.5 - mean[:, None, None]) / deviation[:, None, None]
    torch.testing.assert_close(straight, net.tokens(moved), atol=1e-4, rtol=1e-4)
