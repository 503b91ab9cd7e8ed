"""MEMO's official folders, filled by the rule at reduced size, become weights that give the recorded outputs."""

from __future__ import annotations

import json

import pytest
import torch
from facewright.cli.main import run
from facewright.core import weights
from facewright.core.errors import AssetError
from facewright.generate.importing.official import import_weights
from facewright.generate.methods.memo.model import DiffusionNet
from facewright.generate.methods.memo.projections import EmotionClassifier, ImageProjection
from facewright.generate.methods.memo.reference import ReferenceNet
from facewright.generate.nets import stored
from facewright.generate.nets.ldm.vae import VAE
from safetensors.torch import save_file

from .fixture import Fixture
from .test_memo import shaped

FILE = "diffusion_pytorch_model.safetensors"


def publish(folder, tensors, config):
    """A network as its authors published it: bfloat16 tensors and a configuration."""
    folder.mkdir(parents=True)
    save_file({key: value.bfloat16() for key, value in tensors.items()}, folder / FILE)
    (folder / "config.json").write_text(json.dumps({"_class_name": "Net", "_diffusers_version": "0.31.0", **config}))


@torch.inference_mode()
def test_folders_become_weights(tmp_path, capsys):
    nets, small, sd = Fixture("memo_nets_reduced"), Fixture("memo_small"), Fixture("sd_vae_kl_f8_reduced")
    publish(tmp_path / "reference_net", nets.weights("reference_net"), nets.config["reference"])
    diffusion = nets.weights("diffusion_net")
    publish(tmp_path / "diffusion_net", diffusion, nets.config["diffusion"])
    publish(tmp_path / "image_proj", small.weights("image_proj"), {})
    publish(tmp_path / "misc" / "audio_emotion_classifier", small.weights("emotion_classifier"), {})
    publish(tmp_path / "sd-vae-ft-mse", sd.weights("vae"), {key: sd.config[key] for key in ("block_out_channels",)})

    assert run(["weights", "import", "memo", str(tmp_path)]) == 0
    assert "memo-official" in capsys.readouterr().out
    record = weights.record("memo-official")
    weights.check(record)
    paths = {file.path.stem: file.path for file in record.files}
    assert set(paths) == {"reference_net", "diffusion_net", "image_proj", "emotion_classifier", "vae"}
    assert f"misc/audio_emotion_classifier/{FILE}" in record.made["files"]

    given = nets.inputs()
    reference = stored.load(ReferenceNet, paths["reference_net"])
    latents = given["z_ref_past"]
    bank = reference(latents.repeat(2, 1, 1, 1), given["face_tokens"].repeat_interleave(len(latents), 0))
    for label, tokens in shaped(bank, nets).items():
        found = tokens.flatten()[:: nets.meta["outputs"][label]["stride"]].flatten()
        wanted = torch.from_numpy(nets.arrays[label]).flatten()
        assert (found - wanted).square().mean().sqrt() < 0.05 * wanted.square().mean().sqrt(), label  # of bfloat16
    net = stored.load(DiffusionNet, paths["diffusion_net"])
    key = "down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.1.norms.0.weight"
    ours = net.state_dict()["down_blocks.0.motion_modules.0.blocks.1.norms.0.weight"]
    torch.testing.assert_close(ours, diffusion[key].bfloat16().float())
    face = small.inputs()["face_emb"]
    small.assert_close("image_tokens", stored.load(ImageProjection, paths["image_proj"])(face), 5000)
    assert stored.load(EmotionClassifier, paths["emotion_classifier"]).params.depth == 5
    assert stored.load(VAE, paths["vae"]).params.widths == tuple(sd.config["block_out_channels"])


@pytest.mark.parametrize(
    ("config", "tensors", "told"),
    [
        ({"use_linear_projection": True}, {}, "use_linear_projection"),
        ({"block_out_channels": [64, 128, 256, 320]}, {}, "shape"),
        ({"attention_head_dim": 10**9}, {}, "no network of MEMO"),
        ({"block_out_channels": 3}, {}, "no network of MEMO"),
        ({}, {"conv_in.weight": torch.full((64, 4, 3, 3), torch.nan)}, "not finite"),
        ({}, {"conv_out.weight": torch.zeros(4, 64, 3, 3)}, "unexpected"),
    ],
)
def test_what_is_something_else_is_refused(tmp_path, config, tensors, told):
    fixture = Fixture("memo_nets_reduced")
    keys = fixture.keys("reference_net")
    plain = {key: torch.zeros(shape) for key, shape in keys.items()}
    publish(tmp_path / "reference_net", plain | tensors, fixture.config["reference"] | config)
    with pytest.raises(AssetError, match=told) as caught:
        import_weights("memo", tmp_path)
    assert caught.value.code == "bad_checkpoint"


@pytest.mark.parametrize("damage", ["config", "tensors", "positions"])
def test_what_is_damaged_is_refused(tmp_path, damage):
    fixture = Fixture("memo_nets_reduced")
    folder = tmp_path / "diffusion_net"
    plain = {key: torch.zeros(shape) for key, shape in fixture.keys("diffusion_net").items()}  # positions of zero too
    publish(folder, plain if damage == "positions" else {"conv_in.weight": torch.zeros(1)}, fixture.config["diffusion"])
    if damage == "config":
        (folder / "config.json").write_text("{")
    if damage == "tensors":
        (folder / FILE).write_bytes((folder / FILE).read_bytes()[:40])
    with pytest.raises(AssetError) as caught:
        import_weights("memo", tmp_path)
    assert caught.value.code == "bad_checkpoint"
