"""What a tracker remembers: who is in which swarm. Peers that do not announce again are forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from p2p_node.wire.announce import Address, Announce, AnnounceReply, Event

DEFAULT_WANTED = 50
MAX_WANTED = 200
MAX_TORRENTS = 10_000
MAX_PEERS = 100_000
"""Peers remembered in all; bounds what a flood of announces can take."""


@dataclass(slots=True)
class _Member:
    address: Address
    seed: bool
    expires: float


class Registry:
    """The swarms that a tracker indexes; `interval` is the seconds it asks peers to wait between announces."""

    def __init__(self, interval: float, rng: Random) -> None:
        self._interval = interval
        self._rng = rng
        self._swarms: dict[bytes, dict[bytes, _Member]] = {}

    @property
    def swarm_count(self) -> int:
        """How many swarms are known."""
        return len(self._swarms)

    @property
    def peer_count(self) -> int:
        """How many peers are known, over all swarms."""
        return sum(map(len, self._swarms.values()))

    def announce(self, announce: Announce, host: str, now: float) -> AnnounceReply:
        """Take in an announce made from `host`, and choose peers for the answer at random; seeds are given no seeds."""
        self._forget_silent(announce.info_hash, now)
        swarm = self._swarms.get(announce.info_hash, {})
        if announce.event is Event.STOPPED:
            swarm.pop(announce.peer_id, None)
        elif announce.peer_id in swarm or self._has_room(announce.info_hash):
            swarm = self._swarms.setdefault(announce.info_hash, swarm)
            # Two and a half intervals: one announce may be lost.
            expires = now + 2.5 * self._interval
            swarm[announce.peer_id] = _Member((host, announce.port), announce.left == 0, expires)
        seeds = sum(member.seed for member in swarm.values())
        return AnnounceReply(self._interval, self._choose(announce, swarm), seeds, len(swarm) - seeds)

    def _choose(self, announce: Announce, swarm: dict[bytes, _Member]) -> tuple[Address, ...]:
        wanted = DEFAULT_WANTED if announce.wanted < 0 else min(announce.wanted, MAX_WANTED)
        others = [
            member.address
            for peer_id, member in swarm.items()
            if peer_id != announce.peer_id and not (member.seed and announce.left == 0)
        ]
        return tuple(others if len(others) <= wanted else self._rng.sample(others, wanted))

    def _has_room(self, info_hash: bytes) -> bool:
        return (info_hash in self._swarms or len(self._swarms) < MAX_TORRENTS) and self.peer_count < MAX_PEERS

    def _forget_silent(self, info_hash: bytes, now: float) -> None:
        swarm = self._swarms.get(info_hash, {})
        for peer_id in [peer_id for peer_id, member in swarm.items() if member.expires < now]:
            del swarm[peer_id]
        if not swarm:
            self._swarms.pop(info_hash, None)
