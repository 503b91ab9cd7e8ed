"""`facewright methods`: what can be made, under which terms, how fast."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ..core import weights
from ..core.errors import FacewrightError
from ..generate.methods import registry
from .session import Answer
from .verb import Verb


@click.command(cls=Verb, example="facewright methods\nfacewright methods meshwarp --json")
@click.argument("name", required=False)
def methods(name: str | None) -> Answer:
    """List the methods, their controls and licences."""
    cards = [_describe(card) for card in ([registry.card(name)] if name else registry.cards())]
    return Answer({"methods": cards}, "\n\n".join(_text(card) for card in cards))


def _describe(card: Any) -> dict[str, Any]:
    return {**asdict(card), "weights": [{"name": record, "present": _present(record)} for record in card.weights]}


def _present(name: str) -> bool:
    try:
        weights.check(weights.record(name))
    except FacewrightError:
        return False
    return True


def _text(card: dict[str, Any]) -> str:
    controls = "\n".join(f"    {_control(control)}" for control in card["controls"])
    present = ", ".join(f"{w['name']} ({'present' if w['present'] else 'missing'})" for w in card["weights"]) or "none"
    measured = "\n            ".join(f"{name}: {value}" for name, value in card["measured"].items()) or "not stated"
    licences = " · ".join(f"{part} {terms}" for part, terms in card["licences"].items())
    return (
        f"{card['name']}: {card['summary']}\n"
        f"  paper     {card['paper']}\n"
        f"  drives    {', '.join(card['drives'])}\n"
        f"  licences  {licences}\n"
        f"  weights   {present}\n"
        f"  measured  {measured}\n"
        f"  presets   {', '.join(card['presets']) or 'none'}\n"
        f"  controls\n{controls}"
    )


def _control(control: dict[str, Any]) -> str:
    numbers = " or ".join([f"{control['minimum']:g} to {control['maximum']:g}", *control["words"]])
    span = ", ".join(control["choices"]) or numbers
    return f"{control['name'].replace('_', '-'):<12} {control['help']} ({span}; {control['default']})"
