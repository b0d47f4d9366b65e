"""Which other supernodes there are: a full mesh of some dozens, each of which tells the others whom it knows.

The rule: a supernode is in the mesh once it has answered a ping, which shows that it receives at its address, and until
it is silent to several. Pings carry the summary's version, so a mesh at rest also agrees on what everybody has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from random import Random

from p2p_node.discovery.supernode.mate import Mate
from p2p_node.discovery.supernode.outbox import Outbox
from p2p_node.wire.address import Address, is_ipv6
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.supernode import MAX_NODES, Nodes, Ping, Pong, encode

MAX_MATES = MAX_NODES
MAX_MATES_PER_HOST = 8
"""Supernodes on one address that nobody vouched for: room for a test machine's, and not for one host's thousand."""

MAX_CANDIDATES = 32
"""Addresses that were named and have not answered, and as many that wrote by themselves: a mate that makes some up has
this many pinged at a time, and keeps nobody out who comes."""

PING_S = 1.0
PINGS = 3
"""A ping is repeated after so long, and so often; then its receiver is taken for dead."""

CONTACT_S = 10.0
"""How often those that a person named are tried again while they are not in the mesh."""

GOSSIP_S = 10.0
"""How often some mate is told of all others, which mends what loss or a partition left out."""


class _Candidate:
    __slots__ = ("came", "eager", "nonce", "ping_at", "pings")

    def __init__(self, nonce: int, came: bool, now: float) -> None:
        self.nonce = nonce
        self.came = came
        """Whether it wrote, rather than being named."""
        self.pings = 0
        self.ping_at = now
        self.eager = False
        """Whether it has asked for our summary already: it was first to hear that the other is there."""


class Mesh:
    """The mates of one supernode; `version` is that of its own summary, which pings tell."""

    def __init__(self, own: Address, outbox: Outbox, rng: Random, now: float) -> None:
        self.mates: dict[Address, Mate] = {}
        self.dropped = 0
        self.version = 0
        self._own = own
        self._ipv6 = is_ipv6(own[0])
        self._outbox = outbox
        self._rng = rng
        self._contacts: set[Address] = set()
        self._candidates: dict[Address, _Candidate] = {}
        self._hosts: Counter[str] = Counter()
        self._contacts_at = now
        self._gossip_at = now + GOSSIP_S
        self._due = now

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        return self._due

    @property
    def joined(self) -> bool:
        """Whether it has a mate, or is the first."""
        return bool(self.mates) or not self._contacts

    def __len__(self) -> int:
        return len(self.mates) + len(self._candidates)

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """These are supernodes, a person says."""
        new = [one for one in contacts if self._is_other(one)]
        self._contacts.update(new[: MAX_MATES - len(self._contacts)])
        self._learn(new, now)

    def ping(self, source: Address, ping: Ping, now: float) -> None:
        """Somebody asks whether we are there."""
        self._outbox.send(source, encode(Pong(ping.nonce, self.version)))
        if source not in self.mates:
            self._learn([source], now, came=True)

    def pong(self, source: Address, pong: Pong, now: float) -> bool:
        """Somebody says that it is there; whether it is to have our summary now, for which it asked too soon. Raises
        ProtocolError when it was not asked."""
        candidate = self._candidates.get(source)
        if candidate is not None and candidate.nonce == pong.nonce:
            del self._candidates[source]
            self._admit(source, now)
            return candidate.eager
        if source not in self.mates:
            raise ProtocolError("pong that nobody asked for")
        return False

    def summary_wanted(self, source: Address, now: float) -> None:
        """Somebody that is not in the mesh yet wants our summary, which goes to nobody that may not receive there."""
        self._learn([source], now, came=True)
        if source in self._candidates:
            self._candidates[source].eager = True

    def named(self, nodes: Iterable[Address], now: float) -> None:
        """A mate knows these."""
        self._learn(nodes, now)

    def doubt(self, mate: Mate, now: float) -> None:
        """It did not answer in time: find out at once whether it is there."""
        if not mate.pings:
            mate.ping_at = self._due = now

    def tick(self, now: float) -> None:
        """The timer came due."""
        if now < self._due:
            return
        self._ping_mates(now)
        self._ping_candidates(now)
        if now >= self._contacts_at:
            self._contacts_at = now + CONTACT_S
            self._learn(self._contacts, now)
        if now >= self._gossip_at:
            self._gossip_at = now + GOSSIP_S * self._rng.uniform(0.8, 1.2)
            if self.mates:
                self._tell_of_mates(self._rng.choice(list(self.mates)))
        pings = [mate.ping_at for mate in self.mates.values()]
        pings += [candidate.ping_at for candidate in self._candidates.values()]
        self._due = min(self._contacts_at, self._gossip_at, *pings)

    def _ping_mates(self, now: float) -> None:
        for mate in [mate for mate in self.mates.values() if now >= mate.ping_at]:
            if mate.pings == PINGS:
                del self.mates[mate.address]
                self._hosts[mate.address[0]] -= 1
                continue
            mate.pings += 1
            mate.ping_at = now + PING_S
            self._ping(mate.address, self._rng.getrandbits(64))

    def _ping_candidates(self, now: float) -> None:
        for address, candidate in list(self._candidates.items()):
            if now < candidate.ping_at:
                continue
            if candidate.pings == PINGS:
                del self._candidates[address]
                continue
            candidate.pings += 1
            candidate.ping_at = now + PING_S
            self._ping(address, candidate.nonce)

    def _ping(self, to: Address, nonce: int) -> None:
        self._outbox.send(to, encode(Ping(nonce, self.version)))

    def _learn(self, addresses: Iterable[Address], now: float, came: bool = False) -> None:
        for address in addresses:
            if not self._is_other(address) or address in self.mates or address in self._candidates:
                continue
            if address not in self._contacts and not self._has_room(address[0], came):
                self.dropped += 1
                continue
            self._candidates[address] = _Candidate(self._rng.getrandbits(64), came, now)
            self._due = now

    def _admit(self, address: Address, now: float) -> None:
        self.mates[address] = Mate(address, now)
        self._hosts[address[0]] += 1
        self._due = min(self._due, self.mates[address].ping_at)
        self._tell_of_mates(address)

    def _tell_of_mates(self, to: Address) -> None:
        others = [address for address in self.mates if address != to]
        if others:
            self._outbox.send(to, encode(Nodes(tuple(others))))

    def _has_room(self, host: str, came: bool) -> bool:
        rivals = [address[0] for address, candidate in self._candidates.items() if candidate.came is came]
        # Those that are named do not count against their host: a liar would keep it out by naming its ports.
        known = self._hosts[host] + (rivals.count(host) if came else 0)
        return len(self.mates) < MAX_MATES and len(rivals) < MAX_CANDIDATES and known < MAX_MATES_PER_HOST

    def _is_other(self, address: Address) -> bool:
        return address != self._own and is_ipv6(address[0]) == self._ipv6
