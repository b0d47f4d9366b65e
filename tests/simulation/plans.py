"""Plans: what a small swarm is made of and what goes wrong in it, all of it drawn from a seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from random import Random

from harness.labs.simulated.rules import FAIR, Weather
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire.messages import BLOCK

MOST_BLOCKS = 300
"""Blocks that all peers together download at most: some ten thousand swarms are to be played in minutes."""

FOREVER = math.inf


class Role(StrEnum):
    """What to expect of a peer."""

    HONEST = "honest"
    POISONER = "poisoner"
    """Sends wrong bytes, always or at times."""
    CHOKER = "choker"
    """A free rider that unchokes nobody."""
    SILENT = "silent"
    """A free rider that lets others ask, and does not answer."""


class Meeting(StrEnum):
    """How peers find each other."""

    HTTP = "http"
    UDP = "udp"
    DHT = "dht"
    GOSSIP = "gossip"


class Kind(StrEnum):
    """What can go wrong."""

    DIE = "dies"
    VANISH = "vanishes"
    LEAVE = "leaves"
    RESTART = "crashes and resumes"
    FREEZE = "freezes"
    PARTITION = "is cut off"
    SLOW = "is far away"
    RESET = "loses a connection"
    REFUSE = "refuses connections"
    DISK_FULL = "has a full disk"
    DISK_BROKEN = "has a broken disk"
    NO_TRACKER = "loses the tracker"


@dataclass(frozen=True, slots=True)
class Member:
    """One peer; rates in bytes per second, times in virtual seconds."""

    role: Role
    complete: bool
    up: float
    down: float
    join_at: float
    lies: float
    """The share of its blocks that are wrong."""
    by_magnet: bool
    settings: SwarmSettings


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong with these members between two times."""

    kind: Kind
    at: float
    until: float
    whom: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A swarm; whatever else is random while it is played comes from `seed`, too."""

    seed: int
    size: int
    piece_length: int
    delay_s: float
    meeting: Meeting
    weather: Weather
    members: tuple[Member, ...]
    faults: tuple[Fault, ...]
    orphaned: bool
    """Whether who came complete leaves as soon as the others have everything between them."""

    @property
    def quiet_at(self) -> float:
        """When everybody has come, and what ends has ended."""
        ends = [fault.until if fault.until < FOREVER else fault.at for fault in self.faults]
        return max([member.join_at for member in self.members] + ends)

    @property
    def bound(self) -> float:
        """By when every download that can end has ended: minutes for timers, and many times what links take."""
        slowest = min(member.up for member in self.members)
        return self.quiet_at + 600.0 + 4.0 * self.size * len(self.members) / slowest

    @property
    def findable(self) -> bool:
        """Whether peers that have lost each other find each other again."""
        lost_for_good = any(fault.kind is Kind.NO_TRACKER and fault.until == FOREVER for fault in self.faults)
        # A request to a UDP tracker that is lost is repeated after 15 s, 30 s, … (BEP 15); one that is altered tells
        # the tracker what it takes for an hour.
        lossy = self.weather.loss or self.weather.corruption
        return self.meeting in (Meeting.HTTP, Meeting.UDP) and not lost_for_good and not lossy


def draw(seed: int) -> Plan:
    """The plan of this seed."""
    rng = Random(f"plan/{seed}")
    peers, seeds = rng.randint(2, 12), rng.choice((1, 1, 1, 2))
    piece_length = BLOCK * rng.choice((1, 1, 2, 4))
    most = min(max(MOST_BLOCKS * BLOCK // (peers * piece_length), 4), 64)
    size = piece_length * round(_log(rng, 4, most)) - rng.choice((0, rng.randrange(piece_length)))
    meeting = rng.choices(tuple(Meeting), (50, 36, 8, 6))[0]
    spread_s = rng.choice((0.0, 0.0, 2.0, 20.0))
    members = [_draw_seed(rng) for _ in range(seeds)] + [_draw_peer(rng, spread_s) for _ in range(peers)]
    lasts_s = spread_s + 2 * size * max(1 / members[0].up, len(members) / sum(member.up for member in members))
    faults = [_draw_fault(rng, len(members), lasts_s) for _ in range(rng.choice((0, 1, 1, 2, 3, 5)))]
    if rng.random() < 0.8:  # the first seed stays, so that there is always a full copy to be had
        faults = [fault for fault in faults if 0 not in fault.whom or fault.until < FOREVER or not fault.whom]
    weather = _draw_weather(rng) if meeting is not Meeting.HTTP and rng.random() < 0.6 else FAIR
    delay_s = _log(rng, 50e-6, 0.1)
    return Plan(seed, size, piece_length, delay_s, meeting, weather, tuple(members), tuple(faults), rng.random() < 0.25)


def _draw_seed(rng: Random) -> Member:
    settings = SwarmSettings(slots=_draw_slots(rng), thrifty_seed=rng.random() < 0.8, super_seed=rng.random() < 0.1)
    up = _log(rng, 40e3, 4e6)
    return Member(Role.HONEST, True, up, up * rng.uniform(1, 8), 0.0, 0.0, False, settings)


def _draw_peer(rng: Random, spread_s: float) -> Member:
    role = rng.choices(tuple(Role), (84, 8, 4, 4))[0]
    complete = role is not Role.HONEST and rng.random() < 0.3
    up = _log(rng, 40e3, 2e6)
    lies = rng.choice((1.0, 0.5, 0.05)) if role is Role.POISONER else 0.0
    by_magnet = not complete and rng.random() < 0.1
    settings = SwarmSettings(slots=_draw_slots(rng))
    return Member(role, complete, up, up * rng.uniform(1, 8), rng.uniform(0, spread_s), lies, by_magnet, settings)


def _draw_slots(rng: Random) -> int | None:
    return rng.choice((None, None, None, 1, 2, 4))


_WEIGHTS = {
    Kind.DIE: 2,
    Kind.VANISH: 2,
    Kind.LEAVE: 2,
    Kind.RESTART: 4,
    Kind.FREEZE: 2,
    Kind.PARTITION: 3,
    Kind.SLOW: 1,
    Kind.RESET: 3,
    Kind.REFUSE: 1,
    Kind.DISK_FULL: 2,
    Kind.DISK_BROKEN: 1,
    Kind.NO_TRACKER: 2,
}
_FOR_GOOD = (Kind.DIE, Kind.VANISH, Kind.LEAVE, Kind.DISK_BROKEN)


def _draw_fault(rng: Random, members: int, lasts_s: float) -> Fault:
    kind = rng.choices(tuple(_WEIGHTS), tuple(_WEIGHTS.values()))[0]
    at = rng.uniform(0, lasts_s)
    until = FOREVER if kind in _FOR_GOOD else at + _log(rng, 0.2, 200.0)
    whom = [rng.randrange(members)]
    if kind is Kind.NO_TRACKER:
        whom, until = [], rng.choice((FOREVER, until))
    elif kind is Kind.PARTITION:
        whom = rng.sample(range(members), rng.randint(1, members - 1))
    elif kind is Kind.RESET:
        until = at
    return Fault(kind, at, until, tuple(sorted(whom)))


def _draw_weather(rng: Random) -> Weather:
    return Weather(
        loss=rng.choice((0.0, rng.uniform(0, 0.2))),
        corruption=rng.choice((0.0, rng.uniform(0, 0.2))),
        duplication=rng.choice((0.0, rng.uniform(0, 0.2))),
        lateness=rng.choice((0.0, rng.uniform(0, 0.5))),
        late_s=rng.choice((0.05, 2.0)),
    )


def _log(rng: Random, low: float, high: float) -> float:
    """As likely to be between 1 and 10 as between 10 and 100."""
    return low * (high / low) ** rng.random()
