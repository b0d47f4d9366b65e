"""A scenario: what is delivered, over which links, to how many peers and when they want it.

Pure data, validated once when it is read; every later stage trusts it. Units are bytes, bytes per second and seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is asked of the contenders: to deliver an item, or to find who has one."""

    DOWNLOADS = "downloads"
    LOOKUPS = "lookups"


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
class LinkClass:
    """A share of the peers, from 0 to 1, and the link that each of them has."""

    share: float
    link: Link


@dataclass(frozen=True, slots=True)
class Links:
    """The links of the origin's host and of each peer, the one-way delay between any two hosts, and the share of
    packets that are lost on the way.

    Where there are `classes`, peers have their links, and `peer` stands for nobody.
    """

    server: Link
    peer: Link
    delay: float
    classes: tuple[LinkClass, ...] = ()
    loss: float = 0.0

    @property
    def unlimited(self) -> bool:
        """Whether no link has a rate, so that what a byte costs is measured; all links are alike in this."""
        return math.isinf(self.server.up)

    @property
    def idle(self) -> bool:
        """Whether some uplink or downlink carries nothing, so that no theory of rates applies."""
        links = [self.server, *([each.link for each in self.classes] or [self.peer])]
        return not all(link.up and link.down for link in links)

    def of_peers(self, count: int) -> list[Link]:
        """The links of that many peers, in order.

        Each peer gets the class that lacks most, so among the first n, for any n, no class is off its share by a peer.
        """
        if not self.classes:
            return [self.peer] * count
        links: list[Link] = []
        given = [0] * len(self.classes)
        for number in range(1, count + 1):
            lacks = [each.share * number - has for each, has in zip(self.classes, given, strict=True)]
            neediest = lacks.index(max(lacks))
            given[neediest] += 1
            links.append(self.classes[neediest].link)
        return links


@dataclass(frozen=True, slots=True)
class Demand:
    """When peers want the item: the arrival process, spread over `over` seconds (0 for a flash crowd).

    The origin dies `origin_leaves` seconds after the first peer came; 0: it stays. Only the simulated lab lets it.
    """

    arrival: Arrival
    over: float
    origin_leaves: float = 0.0


@dataclass(frozen=True, slots=True)
class OwnContender:
    """A system that a person brings along: command templates for its server and its client (scenarios.own)."""

    name: str
    serve: str
    fetch: str
    url: str
    port: int
    install: str
    """The command that installs it, for whoever lacks it."""


@dataclass(frozen=True, slots=True)
class Kill:
    """This share of all nodes, or of the supernodes among them, dies at once at half time."""

    share: float
    supernodes: bool = False


@dataclass(frozen=True, slots=True)
class Lookups:
    """What is looked for in a network of nodes: `items`, from one that every fourth node has to those that one has.

    `rate` is lookups per second in the whole network, for `duration` seconds; of all nodes the share `churn` leaves
    without a goodbye each minute, each replaced by a new one.
    """

    items: int
    rate: float
    duration: float
    churn: float = 0.0
    kill: Kill | None = None

    @property
    def count(self) -> int:
        """How many lookups there are."""
        return max(1, round(self.rate * self.duration))


@dataclass(frozen=True, slots=True)
class Threshold:
    """What a metric of each step has to be for the run to pass; of one contender, or of all (None)."""

    contender: str | None
    metric: str
    comparison: str
    """One of >=, <=, > and <."""
    value: float
    """In the metric's unit: bytes, bytes per second, seconds, or a share from 0 to 1."""

    @property
    def name(self) -> str:
        """The metric as it is written, with the contender before it if it is one's alone."""
        return self.metric if self.contender is None else f"{self.contender}.{self.metric}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that defines a run besides the machine it runs on.

    Where there are `lookups` nothing is delivered: `peers` are nodes that look for each other, the item is empty, and
    links are unlimited unless they are given.
    """

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
    lookups: Lookups | None = None
    own: tuple[OwnContender, ...] = ()
    """Contenders brought along, whether they take part or not."""
    thresholds: tuple[Threshold, ...] = ()
    """What the run is asked to reach; they change nothing of what is measured."""
