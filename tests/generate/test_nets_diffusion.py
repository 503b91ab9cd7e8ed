"""The noise schedule, its sampling and its losses, on problems whose answer is known."""

from __future__ import annotations

import pytest
import torch
from facewright.core.errors import UsageError
from facewright.generate.nets.conformer import ConformerParams, RelativeAttention, relative_positions
from facewright.generate.nets.diffusion import Diffusion, DiffusionParams
from facewright.generate.nets.guidance import drop, guided
from facewright.generate.nets.windows import WindowParams, cut, noise


def exact(diffusion: Diffusion, mean: torch.Tensor, spread: float):
    """The best denoiser for codes that are normal with `mean` and `spread`."""

    def denoise(x, t):
        signal = diffusion.signal[t].float()[:, None, None]
        gap = x - signal.sqrt() * mean
        return (1 - signal).sqrt() * gap / (signal * spread**2 + 1 - signal)

    return denoise


def test_ddim_draws_from_the_distribution_it_was_told():
    diffusion = Diffusion(DiffusionParams(clip=0))
    mean = torch.tensor([0.5, -2.0])
    drawn = diffusion.sample(exact(diffusion, mean, 0.3), torch.randn(1, 4000, 2), 100)[0]
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.full((2,), 0.3), atol=0.03, rtol=0)


def test_samples_stay_within_their_bound():
    diffusion = Diffusion()
    drawn = diffusion.sample(exact(diffusion, torch.tensor([2.0]), 0.1), torch.randn(1, 50, 1), 10)
    assert drawn.abs().max() <= 1


def test_known_codes_come_out_as_they_are():
    diffusion = Diffusion(DiffusionParams(clip=0))
    known = torch.tensor([[[7.0], [8.0]]])
    drawn = diffusion.sample(exact(diffusion, torch.zeros(1), 1.0), torch.randn(1, 6, 1), 10, known)
    assert torch.equal(drawn[:, :2], known)


@pytest.mark.parametrize(("steps", "last"), [(1, 0), (4, 750), (50, 980), (3, 668), (1000, 999)])
def test_the_smallest_stride_that_gives_so_many_steps(steps, last):
    visited = Diffusion().timesteps(steps)
    assert (len(visited), visited[0], visited[-1]) == (steps, 0, last)


@pytest.mark.parametrize("steps", [0, -1, 1001, 501])
def test_numbers_of_steps_that_no_stride_gives(steps):
    with pytest.raises(UsageError) as caught:
        Diffusion().timesteps(steps)
    assert caught.value.code == "bad_steps"


def test_the_bound_is_least_for_the_true_variance():
    diffusion = Diffusion(DiffusionParams(learned_variance=True))
    x, t = 0.1 * torch.randn(4000, 1, 1), torch.full((4000,), 300)
    drawn = torch.randn(4000, 1, 1)

    def loss(share: float) -> float:
        answer = torch.cat([drawn, torch.full_like(drawn, share)], -1)  # knows the noise: the posterior is exact
        return float(diffusion.loss(lambda *_: answer, x, t, drawn))

    assert loss(-1.0) == pytest.approx(0, abs=1e-5)
    assert loss(-1.0) < loss(-0.5) < loss(1.0)


def test_the_bound_reaches_the_variance_alone():
    diffusion = Diffusion(DiffusionParams(learned_variance=True))
    answer = torch.zeros(3, 2, 4, requires_grad=True)
    x, eps = torch.randn(3, 2, 2), torch.randn(3, 2, 2)
    diffusion.loss(lambda *_: answer, x, torch.tensor([0, 10, 900]), eps).backward()
    assert answer.grad is not None
    torch.testing.assert_close(answer.grad[..., :2], -2 * eps / eps.numel())
    assert answer.grad[..., 2:].all()


def linear(x, t, *, a, b):
    return torch.cat([x + a + 2 * b, a * b], -1)


def test_guidance_adds_conditions_one_after_another():
    x, t = torch.zeros(1, 3, 1), torch.zeros(1)
    told = {"a": torch.full((1, 1, 1), 1.0).expand(1, 3, 1), "b": torch.full((1, 3, 1), 10.0)}
    out = guided(linear, told, {"a": 3.0, "b": 2.0}, 1)(x, t)
    assert out[0, 0].tolist() == [3 * 1 + 2 * 20, 10]  # the variance of all conditions
    plain = guided(linear, told, {"a": 1.0, "b": 1.0}, 1)(x, t)
    assert torch.equal(plain, linear(x, t, **told))
    second = guided(linear, told, {"a": 1.0, "b": 2.0}, 1)(x, t)
    assert second[0, 0].tolist() == [1 + 2 * 20, 10]


def test_conditions_are_dropped_by_themselves_and_as_often_as_said():
    ones = {"a": torch.ones(4000, 2), "b": torch.ones(4000), "c": torch.ones(4000)}
    kept = drop(ones, {"a": 0.3, "b": 0.5}, torch.Generator().manual_seed(0))
    assert torch.equal(kept["a"][:, 0], kept["a"][:, 1])
    assert torch.equal(kept["c"], ones["c"])
    both = kept["a"][:, 0] * kept["b"]
    for value, share in ((kept["a"].mean(), 0.7), (kept["b"].mean(), 0.5), (both.mean(), 0.35)):
        assert float(value) == pytest.approx(share, abs=0.03)


def test_relative_attention_is_what_its_equation_says():
    torch.manual_seed(0)
    params = ConformerParams(8, 1, 2)
    attention = RelativeAttention(params).eval()
    x = torch.randn(1, 5, 8)
    places = relative_positions(5, 8)
    with torch.no_grad():
        found = attention(x, attention.distances(places))
        query, key, value = (
            layer(x)[0].unflatten(-1, (2, 4)) for layer in (attention.query, attention.key, attention.value)
        )
        place = attention.position(places).unflatten(-1, (2, 4))
        mixed = torch.zeros(5, 2, 4)
        for head in range(2):
            for i in range(5):
                score = torch.stack(
                    [
                        (query[i, head] + attention.content_bias[head]) @ key[j, head]
                        + (query[i, head] + attention.position_bias[head]) @ place[4 - (i - j), head]
                        for j in range(5)
                    ]
                )
                mixed[i, head] = (score / 2).softmax(0) @ value[:, head]
        torch.testing.assert_close(found, attention.out(mixed.flatten(1))[None])


def test_relative_positions_run_from_ahead_to_behind():
    places = relative_positions(3, 4)
    angle = torch.tensor([2.0, 1, 0, -1, -2])
    torch.testing.assert_close(places[:, 0], angle.sin())
    torch.testing.assert_close(places[:, 1], angle.cos())


def test_noise_belongs_to_its_frame():
    whole = noise(1, "x", 0, 20, 3)
    assert torch.equal(noise(1, "x", 7, 5, 3), whole[7:12])
    assert not torch.equal(noise(2, "x", 0, 20, 3), whole)
    assert not torch.equal(noise(1, "y", 0, 20, 3), whole)


@pytest.mark.parametrize("sizes", [[1] * 23, [23], [10, 13]])
def test_windows_lie_where_they_lie(sizes):
    sound = torch.arange(23)[:, None]
    found = [(start, seen, part[:, 0].tolist()) for start, seen, part in cut(sound.split(sizes), WindowParams(8, 3))]
    assert found == [(0, 0, list(range(8))), (8, 3, list(range(5, 16))), (16, 3, list(range(13, 23)))]
