"""A scenario: what is delivered, over which links, to how many peers and when they want it.

Pure data, validated once when it is read; every later stage trusts it. Units are bytes, bytes per second and seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Arrival(StrEnum):
    """How demand comes: all at once, at random with a mean rate, or evenly spread."""

    FLASH = "flash"
    POISSON = "poisson"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class Content:
    """The item: its size, and the size of a swarm's pieces (0: chosen from the size)."""

    size: int
    piece_size: int


@dataclass(frozen=True, slots=True)
class Link:
    """A host's uplink and downlink on the wire."""

    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Links:
    """The links of the origin's host and of each peer, and the one-way delay between any two hosts."""

    server: Link
    peer: Link
    delay: float


@dataclass(frozen=True, slots=True)
class Demand:
    """When peers want the item: the arrival process, spread over `over` seconds (0 for a flash crowd)."""

    arrival: Arrival
    over: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that defines a run besides the machine it runs on."""

    name: str
    title: str
    description: str
    content: Content
    links: Links
    demand: Demand
    contenders: tuple[str, ...]
    peers: tuple[int, ...]
    repeats: int
    seed: int
