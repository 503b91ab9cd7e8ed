"""One step: turns, gradients, averages, precision."""

from __future__ import annotations

import math

import pytest
import torch
from facewright.core.errors import MachineError, UsageError
from facewright.core.training import Card, Stage, Turn, constant, cosine, linear
from facewright.core.training.average import Average
from facewright.core.training.machine import Machine
from facewright.core.training.trainer import Trainer
from torch import nn


class Line(Stage):
    """One weight per network; turns are given."""

    def __init__(self, *turns: tuple[str, object], **more) -> None:
        self.steps, self.batch_size, self.seed, self.card = (
            10,
            4,
            0,
            Card("line", "", dict.fromkeys(("code", "weights", "data"), ""), []),
        )
        self.networks = {name: nn.Linear(1, 1, bias=False) for name in ("one", "other")}
        self.sgd = {name: torch.optim.SGD(net.parameters(), 0.1) for name, net in self.networks.items()}
        self.turns = [Turn(name, self.sgd[name], losses, clip=None, **more) for name, losses in turns]

    def weight(self, name: str) -> torch.Tensor:
        return self.networks[name].weight

    def draw(self, position):
        return {"x": self.random(position).normal(size=1)}


@pytest.fixture
def machine() -> Machine:
    return Machine("cpu")


def test_gradients_follow_the_weighted_sum(machine):
    def losses(_):
        return {"a": stage.weight("one").sum(), "b": stage.weight("one").sum(), "seen": torch.tensor(7.0)}

    stage = Line(("one", losses), weights={"b": 3.0, "seen": 0.0})
    before = stage.weight("one").item()
    figures = Trainer(stage, machine).step(0, [(1.0, {})])
    assert stage.weight("one").item() == pytest.approx(before - 0.1 * 4)
    assert figures["one/norm"] == pytest.approx(4)
    assert figures["one/seen"] == 7


def test_parts_of_a_batch_are_its_mean(machine):
    stage = Line(("one", lambda batch: {"mean": (stage.weight("one") * batch["x"]).mean()}))
    before = stage.weight("one").item()
    batch = torch.tensor([1.0, 2.0, 3.0, 10.0])
    figures = Trainer(stage, machine).step(0, [(0.75, {"x": batch[:3]}), (0.25, {"x": batch[3:]})])
    assert stage.weight("one").item() == pytest.approx(before - 0.1 * 4)
    assert figures["one/mean"] == pytest.approx(4 * before)


def test_a_turn_moves_its_own_parameters_and_hands_on(machine):
    def first(batch):
        batch["left"] = stage.weight("one").detach() * 2
        return {"both": (stage.weight("one") * stage.weight("other")).sum()}

    def second(batch):
        seen.append(batch["left"].item())
        return {"own": stage.weight("other").sum()}

    seen: list[float] = []
    stage = Line(("one", first), ("other", second))
    one, other = stage.weight("one").item(), stage.weight("other").item()
    Trainer(stage, machine).step(0, [(1.0, {})])
    assert seen == [pytest.approx(2 * one)]
    assert stage.weight("one").item() == pytest.approx(one - 0.1 * other)
    assert stage.weight("other").item() == pytest.approx(other - 0.1)  # the first turn left it nothing


def test_a_lazy_turn_comes_when_its_number_divides(machine):
    stage = Line(("one", lambda _: {"a": stage.weight("one").sum()}), every=3)
    trainer = Trainer(stage, machine)
    assert [bool(trainer.step(number, [(1.0, {})])) for number in range(7)] == [number % 3 == 0 for number in range(7)]


def test_gradients_are_clipped_together(machine):
    stage = Line()
    weight = stage.weight("one")
    stage.turns = [Turn("one", stage.sgd["one"], lambda _: {"steep": 100 * weight.sum()}, clip=2.0)]
    before = weight.item()
    assert Trainer(stage, machine).step(0, [(1.0, {})])["one/norm"] == pytest.approx(100)
    assert weight.item() == pytest.approx(before - 0.1 * 2, abs=1e-5)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_loss_that_is_not_finite_is_named(machine, bad):
    stage = Line(("one", lambda _: {"fine": stage.weight("one").sum(), "wild": stage.weight("one").sum() * bad}))
    before = stage.weight("one").item()
    with pytest.raises(MachineError, match="loss 'wild' is not finite in turn 'one' of step 3") as caught:
        Trainer(stage, machine).step(3, [(1.0, {})])
    assert caught.value.code == "not_finite"
    assert stage.weight("one").item() == before


def test_a_gradient_that_is_not_finite_is_named(machine):
    stage = Line()
    pair = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))
    stage.networks = {"pair": pair}
    adam = torch.optim.Adam(pair.parameters(), 0.1)
    wild = lambda _: {"flat": (pair[1].bias * 0).sqrt().sum() + pair[0].weight.sum()}  # noqa: E731
    stage.turns = [Turn("pair", adam, wild)]
    before = [p.clone() for p in pair.parameters()]
    with pytest.raises(MachineError, match=r"the gradient of 'pair.1.bias' is not finite in turn 'pair' of step 0"):
        Trainer(stage, machine).step(0, [(1.0, {})])
    assert all(torch.equal(a, b) for a, b in zip(before, pair.parameters(), strict=True))


def test_an_unweighted_figure_may_be_anything(machine):
    stage = Line(("one", lambda _: {"a": stage.weight("one").sum(), "odd": torch.tensor(math.nan)}), weights={"odd": 0})
    assert math.isnan(Trainer(stage, machine).step(0, [(1.0, {})])["one/odd"])


def test_averages_follow_as_they_say():
    net = nn.BatchNorm1d(1)
    average = Average(net, 0.5)
    expected = 1.0
    for step, value in enumerate([3.0, -2.0, 8.0, 5.0, 1.0, 0.0, 4.0, 9.0, 2.0, 7.0]):
        net.weight.data.fill_(value)
        net.running_mean.fill_(value)
        net.num_batches_tracked.fill_(step)
        average.follow(step)
        decay = min(0.5, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * value
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-6)
        assert average.module.num_batches_tracked.item() == step
    assert min(0.5, (1 + 8) / (10 + 8)) == 0.5  # the warm-up was left
    assert not average.module.training
    assert not average.module.weight.requires_grad


def test_averages_take_the_place_of_networks(machine):
    stage = Line(("one", lambda _: {"a": stage.weight("one").sum()}))
    stage.averages = {"one": 0.9}
    trainer = Trainer(stage, machine)
    trainer.step(0, [(1.0, {})])
    seen = trainer.networks()
    assert seen["one"] is not stage.networks["one"]
    assert seen["other"] is stage.networks["other"]


def test_what_is_frozen_is_no_part_of_a_checkpoint(machine):
    stage = Line(("one", lambda _: {"a": stage.weight("one").sum()}))
    stage.frozen = {"helper": nn.Sequential(nn.Linear(1, 1), nn.Dropout())}
    trainer = Trainer(stage, machine)
    assert not any(p.requires_grad for p in stage.frozen["helper"].parameters())
    assert not stage.frozen["helper"].training
    assert not [name for name in trainer.state()[0] if "helper" in name]


def test_a_float16_overflow_is_skipped_and_scaled_away():
    machine = Machine("cpu", "float16")
    stage = Line(("one", lambda _: {"steep": (stage.networks["one"](torch.full((1, 1), 300.0))).float().sum()}))
    trainer, before = Trainer(stage, machine), stage.weight("one").item()
    scales, moved = [], []
    for number in range(12):
        trainer.step(number, [(1.0, {})])
        scales.append(machine.scaler.get_scale())
        moved.append(stage.weight("one").item() != before)
    assert not moved[0]  # 300 times the first scale is beyond float16
    assert scales[0] < 65536
    assert moved[-1]


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_weights_stay_float32_at_any_precision(precision):
    seen = []

    def losses(batch):
        out = stage.networks["one"](torch.ones(2, 1))
        seen.append(out.dtype)
        return {"a": out.mean()}

    stage = Line(("one", losses))
    Trainer(stage, Machine("cpu", precision)).step(0, [(1.0, {})])
    assert seen == [getattr(torch, precision)]
    assert stage.weight("one").dtype == torch.float32


def test_schedules_rise_and_fall():
    assert [constant(3)(step, 10) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [linear()(step, 5) for step in range(5)] == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert [cosine(floor=0.1)(step, 3) for step in range(3)] == pytest.approx([1, 0.55, 0.1])
    assert cosine(2)(1, 10) == pytest.approx(2 / 3)
    assert cosine(100)(3, 4) == pytest.approx(4 / 101)  # a warm-up longer than the run


def test_the_rate_of_a_turn_is_its_optimisers_times_the_schedule(machine):
    stage = Line(("one", lambda _: {"a": stage.weight("one").sum()}), schedule=linear())
    trainer = Trainer(stage, machine)
    rates = [trainer.step(number, [(1.0, {})])["one/rate"] for number in range(3)]
    assert rates == pytest.approx([0.1, 0.1 * 8 / 9, 0.1 * 7 / 9])


def test_what_cannot_be_computed_on_is_said():
    with pytest.raises(MachineError) as caught:
        Machine("cuda:99")
    assert caught.value.code == "no_device"
    with pytest.raises(UsageError):
        Machine("cpu", "float8")
