"""Colours and marks: one of each for a contender, the same in every chart and report.

The colours are Okabe & Ito's, which stay apart for colour-blind readers ("Color Universal Design", 2008); those chosen
stand out against white and against near-black. Marks differ too, so that nothing is told by colour alone. There are
fewer colours than contenders: those that are seldom compared with each other share one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_COLOURS = {
    "http": "#D55E00",
    "swarm": "#0072B2",
    "swarm-dht": "#009E73",
    "swarm-gossip": "#E69F00",
    "swarm-supernode": "#CC79A7",
    "nginx": "#E69F00",
    "libtorrent": "#009E73",
    "aria2": "#CC79A7",
    "transmission": "#56B4E9",
}
_SHAPES = {
    "http": "square",
    "swarm": "circle",
    "swarm-dht": "diamond",
    "swarm-gossip": "triangle-up",
    "swarm-supernode": "triangle-down",
    "nginx": "triangle-up",
    "libtorrent": "diamond",
    "aria2": "triangle-down",
    "transmission": "cross",
}
_OTHER_COLOUR = "#8C8C8C"
_OTHER_SHAPES = ("triangle-right", "triangle-left", "stroke", "cross")


@dataclass(frozen=True, slots=True)
class Look:
    """How a contender is drawn: a colour and a Vega mark."""

    colour: str
    shape: str


def looks(contenders: Iterable[str]) -> dict[str, Look]:
    """The look of each contender, in order; those we do not know are grey and told apart by their marks."""
    names = list(dict.fromkeys(contenders))
    others = [name for name in names if name not in _COLOURS]
    found = {name: Look(colour, _SHAPES[name]) for name, colour in _COLOURS.items()}
    for i, name in enumerate(others):
        found[name] = Look(_OTHER_COLOUR, _OTHER_SHAPES[i % len(_OTHER_SHAPES)])
    return {name: found[name] for name in names}
