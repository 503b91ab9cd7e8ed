"""A stage at work: networks, averages and optimisers, moved on by one step at a time."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import MachineError
from ..random import generator
from .average import Average
from .machine import Machine
from .stage import Batch, Stage, Turn

Part = tuple[float, Batch]
"""Samples that pass through the networks together, and their share of this process's mean."""


class Trainer:
    """Everything that a checkpoint holds, and the step that changes it.

    Args:
        stage: freshly built; its networks are moved to the machine's device.
        machine: where it runs.
    """

    def __init__(self, stage: Stage, machine: Machine) -> None:
        self.stage, self.machine = stage, machine
        for module in stage.frozen.values():
            module.to(machine.device).requires_grad_(False).eval()
        for network in stage.networks.values():
            network.to(machine.device).train()
            machine.broadcast(network.state_dict().values())
        self.averages = {name: Average(stage.networks[name], decay) for name, decay in stage.averages.items()}
        self.optimisers: dict[str, torch.optim.Optimizer] = {}
        for turn in stage.turns:
            if all(turn.optimiser is not other for other in self.optimisers.values()):
                self.optimisers[turn.name] = turn.optimiser
        for group in (group for optimiser in self.optimisers.values() for group in optimiser.param_groups):
            group.setdefault("initial_lr", group["lr"])
        self._names = {p: f"{net}.{name}" for net, m in stage.networks.items() for name, p in m.named_parameters()}
        self._own = {
            turn.name: [p for group in turn.optimiser.param_groups for p in group["params"]] for turn in stage.turns
        }
        self._trained = {p for own in self._own.values() for p in own}

    def step(self, number: int, parts: Sequence[Part]) -> dict[str, float]:
        """One pass over the turns.

        Args:
            number: of the step, from 0.
            parts: this process's samples.

        Returns:
            "turn/loss", "turn/norm" (of the gradients before clipping) and "turn/rate" of every turn that came.

        Raises:
            MachineError: `not_finite`; the networks of this and later turns are as before.
        """
        figures = {}
        for index, turn in enumerate(self.stage.turns):
            if number % turn.every == 0:
                words = (self.stage.seed, "turn", number, index, self.machine.index)
                self.machine.seed(int(generator(*words).integers(2**62)))
                figures |= {f"{turn.name}/{name}": value for name, value in self._take(turn, number, parts).items()}
        if self.machine.count > 1:
            self.machine.share(buffer for network in self.stage.networks.values() for buffer in network.buffers())
        for average in self.averages.values():
            average.follow(number)
        return figures

    def _take(self, turn: Turn, number: int, parts: Sequence[Part]) -> dict[str, float]:
        own, scaler = self._own[turn.name], self.machine.scaler
        for parameter in self._trained:
            parameter.requires_grad_(False)
        for parameter in own:
            parameter.requires_grad_(True)
            parameter.grad = None
        sums: dict[str, Tensor] = {}
        for share, batch in parts:
            with self.machine.autocast():
                losses = turn.losses(batch)
            terms = [turn.weights.get(name, 1.0) * loss for name, loss in losses.items() if turn.weights.get(name, 1.0)]
            scaler.scale(torch.stack([term.float() for term in terms]).sum() * share).backward()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0) + loss.detach().float() * share  # type: ignore[operator]
        self.machine.share_gradients(own)
        scaler.unscale_(turn.optimiser)
        grads = [parameter.grad for parameter in own if parameter.grad is not None]
        norm = torch.stack(list(torch._foreach_norm(grads))).norm().item()  # pyright: ignore[reportPrivateImportUsage]
        means = self.machine.mean(torch.stack(list(sums.values()))).tolist()
        figures = dict(zip(sums, means, strict=True)) | {"norm": norm}
        self._check(turn, number, figures)  # before clipping, which would spread what is not finite
        if turn.clip is not None and norm > turn.clip:
            torch._foreach_mul_(grads, turn.clip / norm)  # pyright: ignore[reportPrivateImportUsage]
        factor = turn.schedule(number, self.stage.steps)
        for group in turn.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * factor
        scaler.step(turn.optimiser)
        scaler.update()
        return figures | {"rate": turn.optimiser.param_groups[0]["lr"]}

    def _check(self, turn: Turn, number: int, figures: Mapping[str, float]) -> None:
        scaler = self.machine.scaler
        wrong = [name for name, value in figures.items() if turn.weights.get(name, 1.0) and not math.isfinite(value)]
        if not wrong or (wrong == ["norm"] and scaler.is_enabled() and scaler.get_scale() > 1e-3):
            return  # float16 overflows now and then: the scaler skips the step and scales less
        what = f"loss {wrong[0]!r}"
        if wrong == ["norm"]:
            bad = [p for p in self._own[turn.name] if p.grad is not None and not p.grad.isfinite().all()]
            what = f"the gradient of {self._names.get(bad[0], 'a parameter')!r}" if bad else "the norm of all gradients"
        message = f"{what} is not finite in turn {turn.name!r} of step {number}"
        raise MachineError("not_finite", message, "Try a lower rate, or --precision float32, in another --out.")

    def networks(self) -> dict[str, nn.Module]:
        """The networks as they are looked at and shipped: averages where there are any."""
        return {**self.stage.networks, **{name: average.module for name, average in self.averages.items()}}

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Tensors and JSON values of a checkpoint."""
        tensors, facts = {}, {"scaler": self.machine.scaler.state_dict(), "optimisers": {}}
        for kind, modules in self._modules().items():
            for name, module in modules.items():
                tensors |= {f"{kind}/{name}/{key}": value for key, value in module.state_dict().items()}
        for name, optimiser in self.optimisers.items():
            state = optimiser.state_dict()
            values: dict[str, Any] = {}
            for number, entry in state["state"].items():
                for key, value in entry.items():
                    where = tensors if isinstance(value, Tensor) else values
                    where[f"optimisers/{name}/{number}/{key}"] = value
            facts["optimisers"][name] = {"groups": state["param_groups"], "values": values}
        return tensors, json.loads(json.dumps(facts))

    def load(self, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
        """Take over what `state` gave.

        Raises:
            KeyError, RuntimeError: it is of other networks.
        """

        def below(prefix: str) -> dict[str, Tensor]:
            return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}

        for kind, modules in self._modules().items():
            for name, module in modules.items():
                module.load_state_dict(below(f"{kind}/{name}/"))
        for name, optimiser in self.optimisers.items():
            kept, state = facts["optimisers"][name], {}
            prefix = f"optimisers/{name}/"
            values = {key.removeprefix(prefix): value for key, value in kept["values"].items()}
            for key, value in {**below(prefix), **values}.items():
                number, _, entry = key.partition("/")
                state.setdefault(int(number), {})[entry] = value
            optimiser.load_state_dict({"state": state, "param_groups": kept["groups"]})
        self.machine.scaler.load_state_dict(facts["scaler"])

    def _modules(self) -> dict[str, dict[str, nn.Module]]:
        averages = {name: average.module for name, average in self.averages.items()}
        return {"networks": self.stage.networks, "averages": averages}
