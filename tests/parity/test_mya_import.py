"""Folders of Make-Your-Anchor, as diffusers writes them, become weights that give the recorded outputs."""

from __future__ import annotations

import json

import pytest
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from facewright.cli.main import run
from facewright.core import weights
from facewright.core.errors import AssetError
from facewright.generate.importing.official import import_weights
from facewright.generate.methods.makeyouranchor.model import Control, UNet
from facewright.generate.methods.makeyouranchor.pictures import Unconditional
from facewright.generate.nets import stored
from facewright.generate.nets.ldm.vae import VAE
from transformers import CLIPTextConfig, CLIPTextModel

from .fixture import Fixture
from .test_mya import networks, step_of

SIZES = {"block_out_channels": [32] * 4, "down_block_types": ["DownEncoderBlock2D"] * 4, "layers_per_block": 2}
CLIP = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
NAME = "makeyouranchor-official"


@pytest.fixture(scope="module")
def person(tmp_path_factory):
    """A person's folder: the body as pickles, the head as safetensors."""
    folder = tmp_path_factory.mktemp("seth")
    for stage, fixture in (("body", "mya_controlvideo_reduced"), ("head", "mya_head_inpaint_unet2d_reduced")):
        nets = networks(Fixture(fixture), clips=stage == "body")
        for kind, net in zip(("unet", "controlnet"), nets, strict=True):
            net.net.save_pretrained(folder / stage / kind, safe_serialization=stage == "head")
    return folder


@torch.inference_mode()
def test_what_belongs_to_no_person_is_imported(tmp_path):
    torch.manual_seed(0)
    vae = AutoencoderKL(**SIZES, up_block_types=["UpDecoderBlock2D"] * 4, latent_channels=4).eval()
    vae.save_pretrained(tmp_path / "vae")
    words = CLIPTextModel(CLIPTextConfig(**CLIP)).eval()
    inner, folder = getattr(words, "text_model", words).state_dict(), tmp_path / "text_encoder"
    folder.mkdir()
    torch.save({f"text_model.{key}": value for key, value in inner.items()}, folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(CLIP), "utf-8")
    (record,) = import_weights("makeyouranchor", tmp_path)
    paths = {file.path.stem: file.path for file in record.files}

    picture, ours = torch.rand(1, 3, 32, 32), stored.load(VAE, paths["vae"])
    latent = vae.encode(picture).latent_dist.mean
    torch.testing.assert_close(ours.encode(picture), latent * 0.18215)
    torch.testing.assert_close(ours.raw(latent * 0.18215), vae.decode(latent).sample)
    empty = words(input_ids=torch.tensor([[49406] + [49407] * 49])).last_hidden_state[0]
    torch.testing.assert_close(stored.load(Unconditional, paths["text_encoder"]).tokens, empty)


@torch.inference_mode()
def test_a_person_is_imported(person, capsys):
    assert run(["weights", "import", "makeyouranchor", str(person)]) == 0
    assert "none stated" in capsys.readouterr().out
    record = weights.record(NAME)
    weights.check(record)
    assert "body/unet/diffusion_pytorch_model.bin" in record.made["files"]
    assert "head/controlnet/diffusion_pytorch_model.safetensors" in record.made["files"]
    paths = {file.path.stem: file.path for file in record.files}
    body, head = Fixture("mya_controlvideo_reduced"), Fixture("mya_head_inpaint_unet2d_reduced")

    unet, control = stored.load(UNet, paths["head-unet"]), stored.load(Control, paths["head-controlnet"])
    given, t = head.inputs(), int(head.meta["inputs"]["t"])
    noisy = given["x"][:, :, None]
    residuals = control(noisy[:, : control.params.inputs], t, given["context"], given["control"][:, :, None], 1.0)
    head.assert_close("eps", unet(noisy, t, given["context"], residuals)[:, :, 0])

    unet, given = stored.load(UNet, paths["body-unet"]), body.inputs()
    frames = body.meta["outputs"]["eps_plain"]["shape"][2]
    noisy = given["noise"].repeat(1, 1, frames, 1, 1) + 0.1 * torch.arange(frames)[:, None, None]
    body.assert_close("eps_plain", unet(noisy, step_of(body), given["context"][1:]))


@pytest.mark.parametrize("fault", ["stages exchanged", "another option", "no heads", "no config", "damaged"])
def test_what_does_not_fit_is_refused(person, tmp_path, fault):
    for stage in ("body", "head"):
        other = {"body": "head", "head": "body"}[stage] if fault == "stages exchanged" else stage
        (tmp_path / stage).mkdir()
        for kind in ("unet", "controlnet"):
            (tmp_path / stage / kind).mkdir()
            for file in (person / other / kind).iterdir():
                (tmp_path / stage / kind / file.name).symlink_to(file)
    config = tmp_path / "body" / "unet" / "config.json"
    options = json.loads(config.read_text("utf-8"))
    if fault in ("another option", "no heads", "no config"):
        config.unlink()
    if fault == "another option":
        config.write_text(json.dumps(options | {"use_linear_projection": True}), "utf-8")
    elif fault == "no heads":
        config.write_text(json.dumps(options | {"attention_head_dim": [5, 10, 20, 20]}), "utf-8")
    elif fault == "damaged":
        file = tmp_path / "head" / "unet" / "diffusion_pytorch_model.safetensors"
        whole = file.read_bytes()
        file.unlink()
        file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssetError) as refused:
        import_weights("makeyouranchor", tmp_path)
    assert refused.value.code == "bad_checkpoint"
    assert NAME not in {record.name for record in weights.records()}
