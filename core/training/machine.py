"""Where a training runs: this process's device, the other processes, the precision. accelerate finds and joins them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor

from ..errors import AssetError, MachineError, UsageError

PRECISIONS = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
PATIENCE = timedelta(hours=2)  # how long processes wait while the first one prepares data or evaluates


class Machine:
    """This process among those that `accelerate launch` started; alone otherwise.

    Args:
        device: "auto", "cpu", "cuda", "cuda:1", …
        precision: of the networks' arithmetic: "float32", "bfloat16" or "float16"; weights stay float32.

    Attributes:
        device: where this process computes.
        index, count: which of how many processes it is.
        scaler: of losses, so that float16 gradients do not vanish; does nothing at other precisions.

    Raises:
        AssetError: `accelerate_missing`.
        MachineError: `no_device`.
        UsageError: `usage` for an unknown precision.
    """

    def __init__(self, device: str = "auto", precision: str = "float32") -> None:
        if precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise UsageError("usage", f"there is no precision {precision!r}", f"Choose one of: {known}.")
        try:
            from accelerate import PartialState
        except ImportError as error:
            hint = 'Run: pip install "facewright[train]"'
            raise AssetError("accelerate_missing", "accelerate is not installed", hint) from error
        cpu = device == "cpu" or (device == "auto" and not _accelerator())
        self._state = PartialState(cpu=cpu, timeout=PATIENCE)
        self.index, self.count = self._state.process_index, self._state.num_processes
        found = str(self._state.device)
        self.device = torch.device(found) if self.count > 1 else _device(found if device == "auto" else device)
        self.precision = precision
        self.scaler = torch.GradScaler(self.device.type, enabled=precision == "float16")

    @property
    def main(self) -> bool:
        """Whether this is the process that writes."""
        return self.index == 0

    def autocast(self) -> torch.autocast:
        """Networks compute in the chosen precision inside."""
        return torch.autocast(self.device.type, PRECISIONS[self.precision], enabled=self.precision != "float32")

    def seed(self, number: int) -> None:
        """Seed torch's generators here; `torch.manual_seed` takes a traceback for every kind of device there is not."""
        torch.default_generator.manual_seed(number)
        if self.device.type == "cuda":
            torch.cuda.manual_seed(number)

    @contextmanager
    def main_first(self) -> Iterator[None]:
        """The first process goes through the block alone, then the others together."""
        with self._state.main_process_first():
            yield

    def wait(self) -> None:
        """Until every process is here."""
        self._state.wait_for_everyone()

    def any(self, here: bool) -> bool:
        """Whether it holds in any process; all must ask together."""
        if self.count == 1:
            return here
        return self.mean(torch.tensor([float(here)], device=self.device)).item() > 0

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean over processes."""
        if self.count == 1:
            return tensor
        from accelerate.utils import reduce

        result = reduce(tensor, "mean")
        assert isinstance(result, Tensor)
        return result

    def share_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Replace every gradient by its mean over processes; one that no process has stays None."""
        if self.count == 1:
            return
        here = torch.tensor([float(p.grad is not None) for p in parameters], device=self.device)
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.mean(torch.cat([here, *(grad.reshape(-1) for grad in grads)]))
        found = flat[: len(parameters)].tolist()
        parts = flat[len(parameters) :].split([p.numel() for p in parameters])
        for parameter, part, times in zip(parameters, parts, found, strict=True):
            parameter.grad = part.view_as(parameter) if times else None

    def share(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, in place, by their mean over processes."""
        tensors = [tensor for tensor in tensors if tensor.is_floating_point()]
        if self.count == 1 or not tensors:
            return
        flat = self.mean(torch.cat([tensor.detach().reshape(-1).float() for tensor in tensors]))
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.data.copy_(part.view_as(tensor))

    def broadcast(self, tensors: Iterable[Tensor]) -> None:
        """Replace tensors, in place, by those of the first process."""
        if self.count == 1:
            return
        from accelerate.utils import broadcast

        for tensor in tensors:
            tensor.data.copy_(broadcast(tensor.detach().clone()))

    def describe(self) -> dict[str, str | int]:
        """For environment.json."""
        cuda = self.device.type == "cuda"
        return {
            "device": torch.cuda.get_device_name(self.device) if cuda else self.device.type,
            "processes": self.count,
            "precision": self.precision,
            "threads": torch.get_num_threads(),
        }


def _accelerator() -> bool:
    known = getattr(torch, "accelerator", torch.cuda)  # the former came with torch 2.6
    return known.is_available()


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise MachineError("no_device", f"device {name!r} cannot be used: {reason}", "Try --device cpu.") from error
    return device
