"""Published names and shapes land in timm's networks; where the arithmetic is written otherwise, outputs agree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facewright.core.errors import AssetError, UsageError
from facewright.detect.detectors.published import PUBLISHED, Published, PublishedNet, assemble
from facewright.detect.detectors.published_keys import MAPS, clip, effort, sbi, xception
from facewright.detect.detectors.recipes import BoxRecipe
from torch import nn

from .fill import weight


def shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Ours, from timm, without memory."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in PublishedNet(PUBLISHED[name]).state_dict().items()}


def zeros(names: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Tensors of these shapes that take no memory."""
    return {name: torch.zeros(()).expand(shape) for name, shape in names.items()}


def as_clip(ours: dict[str, tuple[int, ...]], backbone: str, head: str) -> dict[str, tuple[int, ...]]:
    """Our names of a CLIP tower and its head, back to Hugging Face's."""
    theirs = {}
    whole = {
        "cls_token": "embeddings.class_embedding",
        "pos_embed": "embeddings.position_embedding.weight",
        "patch_embed.proj.weight": "embeddings.patch_embedding.weight",
    }
    for name, shape in ours.items():
        part, _, rest = name.partition(".")
        if part == "head":
            theirs[head + rest] = shape
        elif rest in whole:
            theirs[backbone + whole[rest]] = {"cls_token": shape[2:], "pos_embed": shape[1:]}.get(rest, shape)
        elif rest.startswith("norm"):
            first, _, kind = rest.partition(".")
            where = {"norm_pre": "pre_layrnorm", "norm": "post_layernorm"}[first]
            theirs[f"{backbone}{where}.{kind}"] = shape
        else:
            _, layer, inner = rest.split(".", 2)
            at = f"{backbone}encoder.layers.{layer}."
            if inner.startswith("attn.qkv"):
                kind = inner.rpartition(".")[2]
                theirs |= {f"{at}self_attn.{x}_proj.{kind}": (shape[0] // 3, *shape[1:]) for x in "qkv"}
            else:
                new = inner.replace("attn.proj", "self_attn.out_proj").replace("norm", "layer_norm")
                theirs[at + new] = shape
    return theirs


def as_efficientnet(ours: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """Our names of EfficientNet-B4 in the words of efficientnet_pytorch, block by block."""
    words = {"conv_dw": "_depthwise_conv", "se.conv_reduce": "_se_reduce", "se.conv_expand": "_se_expand"}
    first = words | {"bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    later = words | {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
    ends = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    order = list(dict.fromkeys(tuple(n.split(".")[2:4]) for n in ours if n.startswith("backbone.blocks.")))
    theirs = {}
    for name, shape in ours.items():
        part, _, rest = name.partition(".")
        if part == "head":
            theirs[f"net._fc.{rest}"] = shape
        elif rest.startswith("blocks."):
            _, stage, block, inner = rest.split(".", 3)
            known = first if stage == "0" else later
            inner, _, kind = inner.rpartition(".")
            theirs[f"net._blocks.{order.index((stage, block))}.{known[inner]}.{kind}"] = shape
        else:
            inner, _, kind = rest.rpartition(".")
            theirs[f"net.{ends[inner]}.{kind}"] = shape
    return theirs


def published(name: str) -> dict:
    """What the authors' file holds, by their names, of no weight."""
    ours = shapes(name)
    if name == "xception":
        flat = {key: shape[:2] if key.endswith("pointwise.weight") else shape for key, shape in ours.items()}
        theirs = {key.replace("head.", "backbone.last_linear."): shape for key, shape in flat.items()}
        return zeros(theirs | {"backbone.adjust_channel.0.weight": (512, 2048, 1, 1)})
    if name == "sbi":
        return {"model": zeros(as_efficientnet(ours)), "epoch": 99}
    if name == "selimsef":
        theirs = {f"module.{retold(key, 'encoder.', 'fc.')}": shape for key, shape in ours.items()}
        return {"state_dict": zeros(theirs | {"module.encoder.classifier.weight": (1000, 2560)}), "epoch": 40}
    if name == "effort":
        theirs = {}
        for key, shape in as_clip(ours, "module.backbone.", "module.head.").items():
            layer, _, kind = key.rpartition(".")
            theirs[key if kind != "weight" or "self_attn" not in key else f"{layer}.weight_main"] = shape
            if kind == "weight" and "self_attn" in key:
                theirs |= {
                    f"{layer}.U_residual": (1024, 1),
                    f"{layer}.S_residual": (1,),
                    f"{layer}.V_residual": (1, 1024),
                }
                theirs |= {f"{layer}.U_r": (1024, 1023), f"{layer}.S_r": (1023,), f"{layer}.V_r": (1023, 1024)}
        return zeros(theirs)
    if name == "gend":
        theirs = as_clip(ours, "feature_extractor.vision_model.", "model.linear.")
        theirs["feature_extractor.vision_model.embeddings.position_ids"] = (1, 257)
        return zeros(theirs | {"feature_extractor.visual_projection.weight": (768, 1024)})
    return zeros({retold(key, "feature_extractor.backbone.", "model.linear."): shape for key, shape in ours.items()})


def retold(name: str, backbone: str, head: str) -> str:
    part, _, rest = name.partition(".")
    return {"backbone": backbone, "head": head}[part] + rest


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_every_published_name_finds_its_place(name):
    """Efforts' products of full size stay out: their fold is tested below, on little matrices."""
    ours, theirs = shapes(name), published(name)
    with torch.device("meta"):
        on_meta = {key: value.to("meta") if isinstance(value, torch.Tensor) else value for key, value in theirs.items()}
    for key in ("model", "state_dict"):
        if key in on_meta:
            on_meta[key] = {name: tensor.to("meta") for name, tensor in theirs[key].items()}
    made = MAPS[name](on_meta)
    assert {key: tuple(value.shape) for key, value in made.items()} == ours


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError) as error:
        assemble("exception", {})
    assert error.value.code == "unknown_weights"
    for name in sorted(PUBLISHED):
        with pytest.raises(AssetError) as refused:
            assemble(name, {"backbone.other.weight": torch.zeros(1)})
        assert refused.value.code == "bad_checkpoint"


def test_a_truncated_or_widened_file_is_refused():
    whole = published("xception")
    lacking = {key: value for key, value in whole.items() if "block7" not in key}
    wide = whole | {"backbone.last_linear.bias": torch.zeros(3)}
    for content in (lacking, wide):
        with pytest.raises(AssetError) as refused:
            assemble("xception", content)
        assert refused.value.code == "bad_checkpoint"


def filled(net: nn.Module) -> nn.Module:
    net.load_state_dict({n: torch.from_numpy(weight(n, t.shape)).to(t.dtype) for n, t in net.state_dict().items()})
    return net.eval()


def test_folded_effort_is_the_sum_it_was():
    """Reference arithmetic of the paper: W x = W_main x + U diag(S) V x, and attention from separate q, k, v."""
    width, heads, count = 16, 4, 5
    prefix = "backbone.encoder.layers.0.self_attn."
    content = {}
    for part in ("q", "k", "v", "out"):
        for kind, shape in (
            ("weight_main", (width, width)), ("bias", (width,)), ("U_residual", (width, 2)), ("S_residual", (2,)),
            ("V_residual", (2, width)), ("U_r", (width, 14)), ("S_r", (14,)), ("V_r", (14, width)),
        ):  # fmt: skip
            name = f"{prefix}{part}_proj.{kind}"
            content[name] = torch.from_numpy(weight(name, shape))
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(1, count, width)).astype(np.float32))

    def project(part: str, x: torch.Tensor) -> torch.Tensor:
        parts = ("weight_main", "bias", "U_residual", "S_residual", "V_residual")
        w, b, u, s, v = (content[f"{prefix}{part}_proj.{kind}"] for kind in parts)
        return x @ w.T + ((x @ v.T) * s) @ u.T + b

    q, k, v = (project(part, x).reshape(count, heads, -1).transpose(0, 1) for part in "qkv")
    mixed = torch.softmax(q @ k.transpose(1, 2) / (width // heads) ** 0.5, -1) @ v
    wanted = project("out", mixed.transpose(0, 1).reshape(1, count, width))

    from timm.layers import Attention

    made = {key.removeprefix("backbone.blocks.0.attn."): value for key, value in effort(content).items()}
    ours = Attention(width, heads, qkv_bias=True).eval()
    ours.load_state_dict(made)
    torch.testing.assert_close(ours(x), wanted, atol=1e-5, rtol=1e-5)


def test_a_decomposition_that_does_not_fit_is_refused():
    at = "backbone.encoder.layers.0.self_attn.q_proj."
    content = {f"{at}weight_main": torch.zeros(4, 4), f"{at}U_residual": torch.zeros(4, 2)}
    content[f"{at}S_residual"] = torch.zeros(3)
    with pytest.raises(AssetError, match="V_residual"):
        effort(content)
    with pytest.raises(AssetError, match="no decomposition"):
        effort(content | {f"{at}V_residual": torch.zeros(2, 4)})


def test_queries_without_keys_are_refused():
    with pytest.raises(AssetError, match="do not belong"):
        clip({"encoder.layers.0.self_attn.q_proj.weight": torch.zeros(4, 4)}, "", "head.")


def test_pointwise_matrices_become_kernels_that_do_the_same():
    name = "backbone.conv.pointwise.weight".replace("conv.", "block1.rep.0.")
    matrix = torch.from_numpy(weight(name, (6, 3)))
    kernel = xception({name: matrix})[name]
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(2, 3, 4, 4)).astype(np.float32))
    torch.testing.assert_close(nn.functional.conv2d(x, kernel), torch.einsum("oc,bchw->bohw", matrix, x))


@pytest.mark.parametrize(("outputs", "unit"), [(2, False), (1, False), (2, True)])
def test_margins_come_out_of_every_kind_of_head(outputs, unit):
    x = torch.from_numpy(np.random.default_rng(2).random((2, 3, 32, 32), np.float32))
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.4, 0.3)
    net = filled(PublishedNet(Published("", "", "", "tinynet_e", BoxRecipe(32, 0.1), mean, std, outputs, unit)))
    with torch.inference_mode():
        white = (x - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
        features = net.backbone(white)
        features = features / features.norm(dim=1, keepdim=True) if unit else features
        logits = features @ net.head.weight.T + net.head.bias
        wanted = logits[:, 1] - logits[:, 0] if outputs == 2 else logits[:, 0]
        torch.testing.assert_close(net(x), wanted)


def test_sbi_knows_every_block_and_no_more():
    assert list(sbi({"model": {"net._blocks.31._bn0.weight": torch.zeros(1)}})) == ["backbone.blocks.6.1.bn1.weight"]
    for name in ("net._blocks.32._bn0.weight", "net._blocks.0._bn0.weight", "net._other.weight"):
        with pytest.raises(AssetError):
            sbi({"model": {name: torch.zeros(1)}})
