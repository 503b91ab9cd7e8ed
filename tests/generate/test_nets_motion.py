"""Motion diffusion models: they train, do not depend on how sound arrives, and do what their controls say."""

from __future__ import annotations

import pytest
import torch
from facewright.core.errors import UsageError
from facewright.generate.methods.anitalker import model as anitalker
from facewright.generate.methods.anitalker.params import MotionParams as AniTalkerParams
from facewright.generate.methods.ifmdm import model as ifmdm
from facewright.generate.methods.ifmdm.params import MotionParams as IFMDMParams
from facewright.generate.methods.infp import model as infp
from facewright.generate.methods.infp.params import MotionParams as INFPParams
from facewright.generate.nets import stored
from facewright.generate.nets.audio import AudioParams
from facewright.generate.nets.conformer import ConformerParams
from facewright.generate.nets.dit import DiTParams
from facewright.generate.nets.interactive import InteractiveParams
from facewright.generate.nets.windows import Start, WindowParams

AUDIO = AudioParams("phones", 6, 1, 4)
FRONT = AudioParams("logmel", 6, 1, 4, front=16)
MOTION = 5


def make_anitalker(audio=AUDIO):
    speech = ConformerParams(32, 1, 2, 5, 0.0)
    window = WindowParams(10, 4)
    return anitalker.AniTalkerMotion(
        AniTalkerParams(audio, speech, 1, 8, ("pose",), 8, MOTION, appearance=7, time_unit=1000, window=window)
    )


def make_ifmdm(audio=AUDIO):
    return ifmdm.IFMDMMotion(IFMDMParams(audio, DiTParams(32, 2, 2, 2), MOTION, WindowParams(12, 1)))


def make_infp(audio=AUDIO):
    sizes = InteractiveParams(32, 6, 1, 1, 2, 2)
    return infp.INFPMotion(INFPParams(audio, sizes, MOTION, WindowParams(9, 3)))


MAKERS = {"anitalker": make_anitalker, "ifmdm": make_ifmdm, "infp": make_infp}


def features(model, frames: int, batch: tuple[int, ...] = (), audio=AUDIO) -> torch.Tensor:
    speakers = (2,) if isinstance(model, infp.INFPMotion) else ()
    draw = torch.Generator().manual_seed(3)
    return torch.randn(*batch, frames, *speakers, audio.substeps, audio.layers, audio.channels, generator=draw)


def start_of(model) -> Start:
    draw = torch.Generator().manual_seed(4)
    return Start(torch.rand(MOTION, generator=draw) - 0.5, torch.randn(7, generator=draw))


@pytest.fixture(params=MAKERS)
def model(request):
    """A small model whose last layer is not zero, so that every input shows."""
    torch.manual_seed(0)
    made = MAKERS[request.param]().eval()
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    return made


def loss_of(model, codes, sound, seed: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    noise, t = torch.randn(codes.shape, generator=draw), torch.randint(0, 1000, (len(codes),), generator=draw)
    if isinstance(model, anitalker.AniTalkerMotion):
        start, signals = Start(codes[:, 0], torch.ones(len(codes), 7)), {"pose": codes[..., :3]}
        terms = model.loss(codes, sound, start, signals, t, noise)
    elif isinstance(model, ifmdm.IFMDMMotion):
        terms = model.loss(codes, sound[:, 1:], t, noise[:, 1:], draw)
    else:
        terms = model.loss(codes, sound[:, 3:], codes[:, :6], t, noise[:, 3:], draw)
    return torch.stack(list(terms.values())).sum()


@pytest.mark.parametrize("audio", [AUDIO, FRONT], ids=["plain", "front"])
@pytest.mark.parametrize("name", MAKERS)
def test_it_trains(name, audio):
    torch.manual_seed(0)
    model = MAKERS[name](audio).train()
    length = {"anitalker": 14, "ifmdm": 13, "infp": 12}[name]
    codes = torch.sin(torch.arange(length)[None, :, None] * 0.5 + torch.arange(MOTION)).expand(8, -1, -1) * 0.8
    sound, optimiser = features(model, length, (8,), audio), torch.optim.Adam(model.parameters(), 5e-3)

    def judged() -> float:
        with torch.no_grad():
            return float(torch.stack([loss_of(model, codes, sound, 1000 + seed) for seed in range(8)]).mean())

    before = judged()
    for step in range(60):
        optimiser.zero_grad()
        loss_of(model, codes, sound, step).backward()
        optimiser.step()
    assert judged() < 0.6 * before
    still = [key for key, value in model.named_parameters() if value.grad is None or not value.grad.any()]
    assert not still


@pytest.mark.parametrize("sizes", [[1] * 31, [7, 7, 7, 7, 3], [30, 1], [31]])
def test_how_sound_arrives_changes_nothing(model, sizes):
    sound, start = features(model, 31), start_of(model)
    whole = model.sample(sound, start, controls=controls(model), seed=2)
    parts = list(model.stream(sound.split(sizes), start, controls=controls(model), seed=2))
    assert whole.shape == (31, MOTION)
    assert torch.equal(torch.cat(parts), whole)
    assert whole.isfinite().all()


def test_the_beginning_does_not_know_how_long_the_sound_is(model):
    sound, start = features(model, 50), start_of(model)
    long = model.sample(sound, start, controls=controls(model), seed=2)
    length = model.window.length
    short = model.sample(sound[:length], start, controls=controls(model), seed=2)
    assert torch.equal(short, long[:length])


def test_a_seed_draws_and_sound_and_portrait_tell(model):
    sound, start = features(model, 20), start_of(model)
    base = model.sample(sound, start, controls=controls(model), seed=2)
    others = (
        model.sample(sound, start, controls=controls(model), seed=3),
        model.sample(-sound, start, controls=controls(model), seed=2),
        model.sample(sound, Start(-start.code, start.appearance), controls=controls(model), seed=2),
    )
    assert all((other - base).abs().max() > 1e-4 for other in others)


def test_codes_of_another_size_come_back_at_that_size(model):
    sound, start = features(model, 20), start_of(model)
    base = model.sample(sound, start, controls=controls(model), seed=2)
    model.code_mean += 3
    model.code_scale *= 2
    moved = model.sample(sound, Start(start.code * 2 + 3, start.appearance), controls=controls(model), seed=2)
    torch.testing.assert_close(moved, base * 2 + 3, atol=1e-3, rtol=1e-3)


def test_a_stored_model_is_the_same_model(model, tmp_path):
    stored.save(model, tmp_path / "a.safetensors")
    again = stored.load(type(model), tmp_path / "a.safetensors")
    assert again.params == model.params
    sound, start = features(model, 12), start_of(model)
    kept = {"controls": controls(model), "seed": 1}
    assert torch.equal(again.sample(sound, start, **kept), model.sample(sound, start, **kept))


def controls(model, **given):
    kind = {"anitalker": anitalker, "ifmdm": ifmdm, "infp": infp}[model.name].Controls
    return kind(steps=5, **given)


def test_anitalker_takes_a_pose_and_refuses_what_it_was_not_taught():
    torch.manual_seed(0)
    model = make_anitalker().eval()
    sound, start = features(model, 20), start_of(model)

    def turned(yaw: float) -> torch.Tensor:
        pose = {"pose": torch.tensor([yaw, 0.0, 0.0])}
        return model.sample(sound, start, controls=controls(model, signals=pose), seed=1)

    assert (turned(0.5) - turned(-0.5)).abs().max() > 1e-4
    track = torch.tensor([0.5, 0.0, 0.0]).expand(8, -1)  # shorter than the sound: its last row is held
    tracked = model.sample(sound, start, controls=controls(model, signals={"pose": track}), seed=1)
    assert torch.equal(tracked, turned(0.5))
    with pytest.raises(UsageError) as caught:
        model.sample(sound, start, controls=controls(model, signals={"scale": torch.zeros(1)}))
    assert caught.value.code == "unknown_control"


def test_ifmdm_needs_statistics_for_an_amplitude():
    torch.manual_seed(0)
    model = make_ifmdm().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    sound, start = features(model, 12), start_of(model)
    with pytest.raises(UsageError) as caught:
        model.sample(sound, start, controls=controls(model, amplitude=2.0))
    assert caught.value.code == "unknown_statistics"
    model.deviation += 0.3
    drawn = [model.sample(sound, start, controls=controls(model, amplitude=factor)) for factor in (0.5, 2.0)]
    assert (drawn[0] - drawn[1]).abs().max() > 1e-4


def test_infp_takes_two_voices_and_a_manner():
    torch.manual_seed(0)
    model = make_infp().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    sound, start = features(model, 12), start_of(model)
    base = model.sample(sound, start, controls=controls(model))
    swapped = model.sample(sound.flip(1), start, controls=controls(model))
    styled = model.sample(sound, start, controls=controls(model, style=torch.randn(30, MOTION)))
    assert (swapped - base).abs().max() > 1e-4
    assert (styled - base).abs().max() > 1e-4
    with pytest.raises(UsageError) as caught:
        model.sample(sound[:, 0], start)
    assert caught.value.code == "one_voice"
