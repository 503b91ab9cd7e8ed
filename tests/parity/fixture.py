"""One recorded network: how the official one was built, filled and fed, and what came out.

    fixture = Fixture("lia")                              # skips the test, with a reason, where the files are absent
    fixture.config["size"]                                # every option comes from here
    net.load_state_dict(convert(fixture.weights("gen")))  # official key → tensor
    fixture.check({"image": net(**fixture.inputs())})     # every recorded output, or
    fixture.assert_close("image", image)                  # one of them

The files lie in $FACEWRIGHT_PARITY, if set, else in `fixtures` beside this file or in the development data beside the
checkout.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from . import fill

HERE = Path(__file__).resolve().parent


def folders() -> list[Path]:
    """Where fixtures may lie, the first that has one wins."""
    if named := os.environ.get("FACEWRIGHT_PARITY"):
        return [Path(named)]
    shared = Path(os.environ.get("FACEWRIGHT_SHARED") or HERE.parents[2] / "shared")
    return [HERE / "fixtures", shared / "parity"]


class Fixture:
    """The recorded network called `name`."""

    def __init__(self, name: str) -> None:
        found = next((folder for folder in folders() if (folder / f"{name}.json").is_file()), None)
        if found is None:
            pytest.skip(f"no fixture {name}.json in {' or '.join(map(str, folders()))} (set FACEWRIGHT_PARITY)")
        self.name = name
        self.meta: dict[str, Any] = json.loads((found / f"{name}.json").read_text("utf-8"))
        self.arrays = np.load(found / f"{name}.npz")

    @property
    def config(self) -> dict[str, Any]:
        """Options of the official class."""
        return self.meta["config"]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Labels of everything recorded."""
        return tuple(self.meta["outputs"])

    def keys(self, tag: str) -> dict[str, tuple[int, ...]]:
        """Official key → shape, of the network `tag` of this fixture, buffers included."""
        return {key: tuple(shape) for key, shape in self.meta["weights"][tag]["keys"].items()}

    def weights(self, tag: str) -> dict[str, Tensor]:
        """Official key → float32 tensor; constants of the architecture only where their values were recorded."""
        spec = self.meta["weights"][tag]
        stored, state = spec["kept_values"], {}
        for key, shape in self.keys(tag).items():
            if key in stored:
                state[key] = torch.from_numpy(np.asarray(self.arrays[f"kept/{tag}/{stored[key]}"]))
            elif not any(re.search(pattern, key) for pattern in spec["keep"]):
                state[key] = torch.from_numpy(fill.weight(key, shape, spec["rules"]))
        for key, first in spec["fill_check"].items():
            if key in state:
                found = state[key].flatten()[: len(first)].tolist()
                assert np.allclose(found, first, atol=1e-6), f"NumPy's random stream has changed: {key}"
        return state

    def inputs(self) -> dict[str, Tensor]:
        """Input name → tensor; inputs that are only described in words are left out."""
        specs = {name: spec for name, spec in self.meta["inputs"].items() if isinstance(spec, dict) and "dist" in spec}
        fields = ("key", "seed", "shape", "dist", "a", "b")
        return {name: torch.from_numpy(fill.noise(*(spec[f] for f in fields))) for name, spec in specs.items()}

    def check(self, outputs: Mapping[str, Any], factor: float = 1.0) -> None:
        """Every recorded output is among `outputs` and equal within its tolerance; all failures are told at once."""
        wrong = [f"{label}: not computed" for label in self.outputs if label not in outputs]
        for label in self.outputs:
            if label in outputs:
                wrong += [f"{label}: {why}" for why in self.faults(label, outputs[label], factor)]
        assert not wrong, f"{self.name} differs from {self.meta['source']}:\n" + "\n".join(wrong)

    def assert_close(self, label: str, tensor: Any, factor: float = 1.0) -> None:
        """One recorded output; `factor` widens the tolerance, as for half precision."""
        wrong = [f"{label}: {why}" for why in self.faults(label, tensor, factor)]
        assert not wrong, f"{self.name} differs from {self.meta['source']}:\n" + "\n".join(wrong)

    def faults(self, label: str, tensor: Any, factor: float = 1.0) -> Iterator[str]:
        """What is wrong with one output: its shape, its farthest point, its 99th percentile, its absolute sum."""
        spec, wanted = self.meta["outputs"][label], self.arrays[label].astype(np.float64)
        whole = torch.as_tensor(tensor).detach().cpu().double().numpy()
        if list(whole.shape) != spec["shape"]:
            yield f"shape {list(whole.shape)}, recorded {spec['shape']}"
            return
        found = whole if spec["stride"] == 1 else whole.reshape(-1)[:: spec["stride"]]
        error = np.abs(found - wanted)
        atol, rtol = spec["atol"], spec["rtol"]
        over = float((error - factor * (atol + rtol * np.abs(wanted))).max())
        if not over <= 0:  # NaN is a fault too
            yield f"off by {error.max():.2e}, allowed {factor * atol:.1e} + {rtol:.0e} of the value"
        q99 = float(np.quantile(error, 0.99))
        most = factor * (spec.get("atol_q99", atol) + rtol * float(np.sqrt((wanted**2).mean())))
        if not q99 <= most:
            yield f"99 % of points off by up to {q99:.2e}, allowed {most:.1e}"
        total = float(np.abs(whole).sum())
        if not abs(total - spec["abs_sum"]) <= factor * 1e-3 * abs(spec["abs_sum"]) + 1e-30:
            yield f"absolute sum {total:.6g}, recorded {spec['abs_sum']:.6g}"
