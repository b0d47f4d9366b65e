"""What a tracker remembers: who is in which swarm. Peers that do not announce again are forgotten.

The rule: an announce costs no more than its own swarm, and no flood of them takes more memory than the bounds below.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TypeAlias

from p2p_node.wire.address import Address, is_ipv6
from p2p_node.wire.announce import Announce, AnnounceReply, Event
from p2p_node.wire.scrape import SwarmCounts

DEFAULT_WANTED = 50
MAX_WANTED = 200
MAX_TORRENTS = 10_000
MAX_PEERS = 100_000
"""Peers remembered in all; bounds what a flood of announces can take."""

MAX_PEERS_PER_HOST = 2_000
"""Memberships of one IPv4 address or IPv6 /64: room for many peers behind one NAT, or one test machine, not for all."""

DRAWN = 4
"""Members of a large swarm drawn for each that is wanted, as not all of them may fit."""

MIN_INTERVAL_S = 5.0
"""The soonest that a peer may announce again without cause, also where the interval is longer."""

INTERVALS_MISSED = 2.5
"""Intervals after which a silent peer is forgotten: one announce may be lost."""

MEMORY_S = 330.0
"""Nobody is forgotten sooner. Whatever interval it is given, libtorrent waits for 300 s before it announces again, but
when a person sets its `min_announce_interval` lower."""

_Identity: TypeAlias = tuple[bytes, bool]
"""A peer id and whether it came over IPv6: a peer with both families is known under both (BEP 7)."""


@dataclass(slots=True)
class _Member:
    address: Address
    key: int
    seed: bool
    completed: bool
    expires: float


@dataclass(slots=True)
class _Swarm:
    members: dict[_Identity, _Member] = field(default_factory=dict)
    seeds: dict[_Identity, _Member] = field(default_factory=dict)
    """Those of the members that have everything."""
    leeches: dict[_Identity, _Member] = field(default_factory=dict)
    """The other members."""
    completed: int = 0

    def half(self, member: _Member) -> dict[_Identity, _Member]:
        """Where this member is kept, beside all others."""
        return self.seeds if member.seed else self.leeches


class Registry:
    """The swarms that a tracker indexes; `interval` is the seconds it asks peers to wait between announces."""

    def __init__(self, interval: float, rng: Random) -> None:
        self._interval = interval
        self._rng = rng
        self._swarms: dict[bytes, _Swarm] = {}
        self._ages: OrderedDict[tuple[bytes, _Identity], _Member] = OrderedDict()
        """Everybody, who announced longest ago first."""
        self._networks: Counter[str] = Counter()

    @property
    def swarm_count(self) -> int:
        """How many swarms are known."""
        return len(self._swarms)

    @property
    def peer_count(self) -> int:
        """How many peers are known, over all swarms."""
        return len(self._ages)

    @property
    def info_hashes(self) -> Iterable[bytes]:
        """The swarms known."""
        return self._swarms.keys()

    def __contains__(self, info_hash: bytes) -> bool:
        return info_hash in self._swarms

    def announce(self, announce: Announce, host: str, now: float, ipv6: bool | None = None) -> AnnounceReply:
        """Take in an announce made from `host`, and choose peers for the answer at random; seeds are given no seeds
        but when they start. Who names port 0 is answered and not remembered.

        `ipv6` limits the answer to one family of addresses.
        """
        self._forget_silent(now)
        identity = (announce.peer_id, is_ipv6(host))
        if announce.event is Event.STOPPED:
            self._leave(announce, identity, host)
        elif announce.port:
            self._enter(announce, identity, host, now)
        swarm = self._swarms.get(announce.info_hash) or _Swarm()
        return AnnounceReply(
            interval=self._interval,
            peers=self._choose(announce, swarm, ipv6),
            seeds=len(swarm.seeds),
            leeches=len(swarm.leeches),
            min_interval=min(self._interval, MIN_INTERVAL_S),
        )

    def scrape(self, info_hashes: Iterable[bytes]) -> dict[bytes, SwarmCounts]:
        """The counts of these swarms; zeros for an unknown one."""
        swarms = {info_hash: self._swarms.get(info_hash) or _Swarm() for info_hash in info_hashes}
        return {
            info_hash: SwarmCounts(len(swarm.seeds), len(swarm.leeches), swarm.completed)
            for info_hash, swarm in swarms.items()
        }

    def _enter(self, announce: Announce, identity: _Identity, host: str, now: float) -> None:
        old = self._ages.get((announce.info_hash, identity))
        if old is not None and not _same_peer(old, announce, host):
            return
        if old is not None:
            self._remove(announce.info_hash, identity)
        elif not self._has_room(announce.info_hash, host):
            return
        swarm = self._swarms.setdefault(announce.info_hash, _Swarm())
        completed = old is not None and old.completed
        if announce.event is Event.COMPLETED and not completed:
            completed = True
            swarm.completed += 1
        expires = now + max(INTERVALS_MISSED * self._interval, MEMORY_S)
        member = _Member((host, announce.port), announce.key, announce.left == 0, completed, expires)
        swarm.members[identity] = self._ages[announce.info_hash, identity] = member
        swarm.half(member)[identity] = member
        self._networks[_network(host)] += 1

    def _leave(self, announce: Announce, identity: _Identity, host: str) -> None:
        member = self._ages.get((announce.info_hash, identity))
        if member is not None and _same_peer(member, announce, host):
            self._remove(announce.info_hash, identity)
            self._drop_empty(announce.info_hash)

    def _remove(self, info_hash: bytes, identity: _Identity) -> None:
        member = self._ages.pop((info_hash, identity))
        swarm = self._swarms[info_hash]
        del swarm.members[identity]
        del swarm.half(member)[identity]
        network = _network(member.address[0])
        self._networks[network] -= 1
        if not self._networks[network]:
            del self._networks[network]

    def _drop_empty(self, info_hash: bytes) -> None:
        if not self._swarms[info_hash].members:
            del self._swarms[info_hash]

    def _choose(self, announce: Announce, swarm: _Swarm, ipv6: bool | None) -> tuple[Address, ...]:
        wanted = DEFAULT_WANTED if announce.wanted < 0 else min(announce.wanted, MAX_WANTED)
        if not wanted or announce.event is Event.STOPPED:
            return ()
        # Who knows only a magnet link may announce that nothing is left, too (aria2 does): starting, it may need seeds.
        needs_seeds = announce.left > 0 or announce.event is Event.STARTED

        def fits(identity: _Identity) -> bool:
            peer_id, over_ipv6 = identity
            return peer_id != announce.peer_id and ipv6 in (None, over_ipv6)

        chosen = self._some(swarm.members if needs_seeds else swarm.leeches, wanted, fits)
        if needs_seeds and (found := self._some(swarm.seeds, 1, fits)):
            # Named first, and to everybody: else beginners in a crowd might hear of one another alone.
            chosen = [*found, *(member for member in chosen if member is not found[0])][:wanted]
        return tuple(member.address for member in chosen)

    def _some(
        self, members: Mapping[_Identity, _Member], wanted: int, fits: Callable[[_Identity], bool]
    ) -> list[_Member]:
        """As many as are wanted of those who fit, at random; of a large swarm, without looking at all of it."""
        drawn = list(members)
        if len(drawn) > DRAWN * wanted:
            drawn = self._rng.sample(drawn, DRAWN * wanted)
        fitting = [identity for identity in drawn if fits(identity)]
        if len(fitting) < wanted and len(drawn) < len(members):
            fitting = [identity for identity in members if fits(identity)]
        if len(fitting) > wanted:
            fitting = self._rng.sample(fitting, wanted)
        return [members[identity] for identity in fitting]

    def _has_room(self, info_hash: bytes, host: str) -> bool:
        return (
            (info_hash in self._swarms or len(self._swarms) < MAX_TORRENTS)
            and self.peer_count < MAX_PEERS
            and self._networks[_network(host)] < MAX_PEERS_PER_HOST
        )

    def _forget_silent(self, now: float) -> None:
        while self._ages:
            (info_hash, identity), member = next(iter(self._ages.items()))
            if member.expires >= now:
                return
            self._remove(info_hash, identity)
            self._drop_empty(info_hash)


def _same_peer(member: _Member, announce: Announce, host: str) -> bool:
    # Peer ids are public: only who holds the key speaks for a peer from another address.
    return member.address[0] == host or (announce.key != 0 and member.key == announce.key)


def _network(host: str) -> str:
    return str(ipaddress.ip_network((host, 64), strict=False)) if is_ipv6(host) else host
