"""MEMO's networks give what the official ones give."""

from __future__ import annotations

import re
from functools import partial

import pytest
import torch
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from facewright.generate.methods.memo import configuration, convert
from facewright.generate.methods.memo.audio import AudioModule, EmotionNorm
from facewright.generate.methods.memo.hearing import hidden_states
from facewright.generate.methods.memo.memory import TemporalModule
from facewright.generate.methods.memo.model import Conditions, DiffusionNet, split
from facewright.generate.methods.memo.projections import AudioProjection, EmotionClassifier, ImageProjection
from facewright.generate.methods.memo.reference import Bank, ReferenceNet
from facewright.generate.nets.ldm import flow
from facewright.generate.nets.ldm.frames import fold, unfold
from facewright.generate.nets.ldm.spatial import attend, beside
from facewright.generate.nets.ldm.vae import VAE

from .fixture import Fixture
from .recording import record, recorded


@pytest.fixture(autouse=True)
def _inference():
    with torch.inference_mode():
        yield


def test_projections_and_the_feeling_of_a_voice():
    fixture = Fixture("memo_small")
    given = fixture.inputs()
    nets = {}
    for tag, kind in (
        ("audio_proj", AudioProjection),
        ("image_proj", ImageProjection),
        ("emotion_classifier", EmotionClassifier),
    ):
        name, nets[tag] = convert.network(fixture.weights(tag), {}, tag)
        assert isinstance(nets[tag], kind)
        assert name == tag
    face = given["face_emb"]
    fixture.check(
        {
            "audio_tokens": nets["audio_proj"](given["audio_embeds"]),
            "image_tokens": nets["image_proj"](face),
            "image_tokens_zero": nets["image_proj"](torch.zeros_like(face[:1])),
            "emotion_probs": nets["emotion_classifier"](given["emo_feat"]),
        }
    )


def test_blocks():
    fixture = Fixture("memo_blocks")
    common, given, out = fixture.config["common"], fixture.inputs(), {}
    channels, heads = common["in_channels"], common["num_attention_heads"]
    x, frames = fold(given["x"]), given["x"].shape[2]
    uncond, cond, single = (int(label) for label in re.findall(r"\[(\d+),(\d+)\].*\[(\d+)\]", emotions(fixture))[0])
    labels = torch.tensor([uncond, cond]).repeat_interleave(frames)

    norm = EmotionNorm(channels)
    norm.load_state_dict(renamed(fixture.weights("emo_ln")))
    out["emo_ln"] = norm(given["rows"], labels)
    out["emo_ln_single"] = norm(given["rows"], torch.tensor([single]))

    spatial = Transformer2DModel(
        heads, common["attention_head_dim"], channels, cross_attention_dim=fixture.config["spatial_cross"]
    )
    spatial.load_state_dict(fixture.weights("spatial"))
    face = given["face_tokens"].repeat_interleave(frames, 0)
    reference = beside(spatial, given["ref_tokens"])
    out["spatial"] = unfold(attend(spatial, x, face, reference)[0], frames)
    out["spatial_uc"] = unfold(attend(spatial, x, face, reference, frames)[0], frames)

    for tag, last in (("audio", False), ("audio_final", True)):
        module = AudioModule(channels, channels, fixture.config["audio_dim"], heads, last=last)
        module.load_state_dict(renamed(fixture.weights(tag)))
        video, audio = module(x, given["audio_tokens"].flatten(0, 1), labels)
        out[f"{tag}_video"] = unfold(video, frames)
        if audio is not None:
            out["audio_tokens_out"] = audio
    fixture.check(out)


def test_memory_over_clips():
    fixture = Fixture("memo_memory_module")
    params, given, out, traces = configuration.temporal_params(fixture.config), fixture.inputs(), {}, None
    module = TemporalModule(fixture.config["in_channels"], params)
    prefix = "motion_modules.0."
    official = {f"{prefix}{key}": value for key, value in fixture.weights("module").items()}
    own = {f"{prefix}{key}": value for key, value in module.state_dict().items()}
    state = convert.diffusion_table(official).convert(official, own, "memory")
    module.load_state_dict({key.removeprefix(prefix): value for key, value in state.items()})
    for clip in range(sum(name.startswith("motion_clip") for name in given)):
        past = given[f"motion_clip{clip}"].flatten(3).permute(0, 2, 3, 1)
        traces = module.remember(past, traces)
        for index, trace in enumerate(traces):
            block, attention = divmod(index, params.attentions)
            label = f"transformer_blocks.{block}.attention_blocks.{attention}_clip{clip}"
            out |= {f"KV_{label}": trace.values.flatten(0, 1), f"Z_{label}": trace.keys.flatten(0, 1)}
        for call in range(2):
            x = given[f"x_clip{clip}_call{call}"]
            out[f"out_clip{clip}_call{call}"] = unfold(module(fold(x), x.shape[2], traces), x.shape[2])
    fixture.check(out)


@pytest.mark.parametrize("name", recorded("memo_nets_*"))
def test_both_networks_and_two_clips(name):
    fixture = Fixture(name)
    given, frames, past = fixture.inputs(), fixture.config["F"], fixture.config["P"]
    reference_net = convert.network(fixture.weights("reference_net"), fixture.config["reference"], name)[1]
    net = convert.network(fixture.weights("diffusion_net"), fixture.config["diffusion"], name)[1]
    assert isinstance(reference_net, ReferenceNet)
    assert isinstance(net, DiffusionNet)

    def look(latents: torch.Tensor) -> Bank:
        face = given["face_tokens"].repeat_interleave(1 + past, 0)
        return reference_net(latents.repeat(2, 1, 1, 1), face)

    bank = look(given["z_ref_past"])
    out = shaped(bank, fixture)
    reference, seen = split(bank, 2)
    memory = net.remember(seen)
    uncond, cond = (int(label) for label in re.findall(r"\[(\d+), (\d+)\]", emotions(fixture))[0])
    audio, x = given["audio_tokens"], given["latents"]
    labels = torch.tensor([uncond, cond])

    told = Conditions(given["face_tokens"][1:], audio, labels[1:])
    one = (
        {layer: tokens[1:] for layer, tokens in seen.items()},
        {layer: tokens[1:] for layer, tokens in reference.items()},
    )
    out["v_nocfg"] = net(x, time_of(fixture, "v_nocfg", 1), told, net.look(one[1]), net.remember(one[0]))

    both = Conditions(given["face_tokens"], torch.cat([torch.zeros_like(audio), audio]), labels, alone=1)
    watch(net, frames, fixture, out)
    out["v_cfg"] = net(x.repeat(2, 1, 1, 1, 1), time_of(fixture, "v_cfg", 2), both, net.look(reference), memory)

    scale = float(re.findall(r"CFG ([\d.]+)", fixture.meta["outputs"]["loop_clip0_step0"]["meaning"])[0])
    steps = sum(label.startswith("loop_clip0_") for label in fixture.outputs)
    for clip in range(2):
        if clip:  # as the recipe says
            latents = given["z_ref_past"]
            reference, seen = split(look(torch.cat([latents[:1], 0.7 * latents[1:].flip(0)])), 2)
            memory, x = net.remember(seen, memory), x.flip(2)
        found: list[torch.Tensor] = []
        told_all = partial(net, given=both, reference=net.look(reference), memory=memory)
        flow.sample(flow.guided(told_all, (1 - scale, scale)), x, steps, found.append)
        out |= {f"loop_clip{clip}_step{step}": latent for step, latent in enumerate(found)}
    fixture.check(out)


def test_wav2vec2_at_the_rate_of_the_video():
    transformers = pytest.importorskip("transformers")
    fixture = Fixture("memo_wav2vec_reduced")
    options = {key: value for key, value in fixture.config.items() if key not in ("samples", "seq_len")}
    net = transformers.Wav2Vec2Model(transformers.Wav2Vec2Config(**options)).eval()
    net.load_state_dict(fixture.weights("w2v"))
    out: dict[str, torch.Tensor] = {}
    record(net.feature_extractor, "conv_features", out)
    net.feature_projection.register_forward_pre_hook(lambda _, args: out.update(conv_interp=args[0]))
    states = hidden_states(net, fixture.inputs()["input_values"], fixture.config["seq_len"])
    fixture.check(out | {f"hidden{layer}": states[:, :, layer] for layer in range(states.shape[2])})


def test_the_autoencoder_of_stable_diffusion():
    fixture = Fixture("sd_vae_kl_f8_reduced")
    stem, net = convert.network(fixture.weights("vae"), fixture.config, "vae")
    assert stem == "vae"
    assert isinstance(net, VAE)
    given, out, scale = fixture.inputs(), {}, net.params.scale
    record(net.net.encoder.mid_block, "enc_mid", out)
    out["mean"] = net.encode(given["x"]) / scale
    record(net.net.decoder.mid_block, "dec_mid", out)
    record(net.net.decoder.up_blocks[1], "dec_up1", out)
    out["decoded"] = net.raw(given["z"] * scale)
    fixture.check(out | {"logvar": net.net.encode(given["x"]).latent_dist.logvar})


def emotions(fixture: Fixture) -> str:
    return fixture.meta["inputs"]["emotion"]


def renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Keys of one audio module, or of one of its norms, under our names."""
    table = convert.diffusion_table({})
    prefix = "audio_modules.0."
    return {table.rename(f"{prefix}{key}").removeprefix(prefix): value for key, value in state.items()}


def time_of(fixture: Fixture, label: str, batch: int) -> torch.Tensor:
    return torch.full((batch,), float(re.findall(r"t=([\d.]+)", fixture.meta["outputs"][label]["meaning"])[0]))


def shaped(bank: Bank, fixture: Fixture) -> dict[str, torch.Tensor]:
    """A bank as it was recorded: maps where a layer has no attention."""
    out = {}
    for name, tokens in bank.items():
        shape = fixture.meta["outputs"][f"ref_{name}"]["shape"]
        out[f"ref_{name}"] = tokens.transpose(1, 2).reshape(shape) if len(shape) == 4 else tokens
    return out


def watch(net: DiffusionNet, frames: int, fixture: Fixture, into: dict[str, torch.Tensor]) -> None:
    """Keep the first output of everything inside that was recorded, with its frames unfolded.

    Attention to the reference is no module of ours: what it gives is what the audio module gets. Neither is a block:
    what it gives is what its last part gives.
    """

    def keep(label: str, found: torch.Tensor) -> None:
        into.setdefault(label, found[::frames] if found.ndim == 2 else unfold(found, frames))

    modules = dict(net.named_modules())
    for label in [label for label in fixture.outputs if label.startswith("d_")]:
        path = label[2:]
        if ".attentions." in path:
            audio = modules[path.replace("attentions", "audio_modules")]
            audio.register_forward_pre_hook(lambda _, args, label=label: keep(label, args[0]))
            continue
        module = modules[path]
        if re.fullmatch(r"(down|up)_blocks\.\d|mid_block", path):
            ends = module.resnets if path == "mid_block" else module.motion_modules
            module = [*ends, *(getattr(module, "downsamplers", None) or getattr(module, "upsamplers", None) or ())][-1]
        module.register_forward_hook(
            lambda _, __, found, label=label: keep(label, found[0] if isinstance(found, tuple) else found)
        )
