"""The fill rule itself, against values recorded with it."""

from __future__ import annotations

from .fixture import Fixture


def test_inputs_begin_as_recorded():
    fixture = Fixture("lia")
    for name, tensor in fixture.inputs().items():
        assert tensor.flatten()[:3].tolist() == fixture.meta["inputs"][name]["first3"]
