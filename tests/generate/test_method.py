"""Cards and controls."""

from __future__ import annotations

import pytest
from facewright.core.errors import UsageError
from facewright.generate import DialogueDrive, RendersDrive, SpeechDrive, VideoDrive
from facewright.generate.drive import LipSyncDrive
from facewright.generate.method import Control
from facewright.generate.methods import registry

DRIVES = SpeechDrive, DialogueDrive, LipSyncDrive, RendersDrive, VideoDrive


@pytest.mark.parametrize("name", registry.NAMES)
def test_cards_are_complete(name):
    card = registry.card(name)
    assert card.name == name
    assert card.summary.endswith(".")
    assert {card.licences.code, card.licences.weights, card.licences.data}.isdisjoint({""})
    assert set(card.drives) <= {each.kind for each in DRIVES}
    for control in card.controls:
        assert control.parse(control.default) == control.default
        assert control.help


@pytest.mark.parametrize("value", ["0.5", 0.5])
def test_numbers_come_as_text_or_numbers(value):
    assert Control("mouth", 1.0, "how far", 0, 2).parse(value) == 0.5


@pytest.mark.parametrize("value", ["much", "nan", None, -0.1, 2.1, float("inf")])
def test_bad_numbers_are_refused(value):
    with pytest.raises(UsageError):
        Control("mouth", 1.0, "how far", 0, 2).parse(value)
