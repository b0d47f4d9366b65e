"""A scenario: what is delivered, over which links, to how many peers and when they want it.

Pure data, validated once when it is read; every later stage trusts it. Units are bytes, bytes per second and seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Arrival(StrEnum):
    """How demand comes: all at once, at random with a mean rate, or evenly spread."""

    FLASH = "flash"
    POISSON = "poisson"
    RAMP = "ramp"


@dataclass(frozen=True, slots=True)
class Content:
    """The item: its size, and the size of a swarm's pieces (0: chosen from the size).

    `prewritten`: each peer's file exists in full size before it fetches, filled with zeros. Fresh pages of a file
    system in memory cost more than the rest of a transfer, and vary.
    """

    size: int
    piece_size: int
    prewritten: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """A host's uplink and downlink on the wire; infinite where nothing limits them."""

    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Links:
    """The links of the origin's host and of each peer, and the one-way delay between any two hosts."""

    server: Link
    peer: Link
    delay: float

    @property
    def unlimited(self) -> bool:
        """Whether no link has a rate, so that what a byte costs is measured; all links are alike in this."""
        return math.isinf(self.server.up)


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
