"""An iterative lookup (Kademlia, 2.3): asks the nearest nodes it has heard of, ALPHA at a time, until the K nearest of
them have answered.

The rule: nobody can stop it. A node that is late gives its turn to the next and may answer yet; what a node claims
about others is worth no more than a question to them; no host answers twice, and no subnet more than its share.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from enum import Enum, auto

from p2p_node.discovery.base import Key, LookupId
from p2p_node.discovery.dht.bucket import MAX_PER_SUBNET, K
from p2p_node.discovery.dht.node_id import BITS, is_local, number_of, subnet
from p2p_node.wire.address import Address, is_ipv6, is_loopback
from p2p_node.wire.krpc import Answer, NodeInfo

ALPHA = 3
"""Questions under way at a time (Kademlia, 2.3)."""

MAX_ASKED = 64
"""Nodes asked in one lookup: several times what a network of millions takes, and the end of being led astray."""

MAX_CANDIDATES = 128
"""Nodes remembered, the nearest."""

MAX_PER_HOST = 3
"""Questions to one host as long as it does not answer: it may have been named under wrong ports."""

_NEAREST, _FARTHEST = -1, 1 << BITS
"""The distance of a node whose id is not known yet, to who enters and to who looks for something."""


class Aim(Enum):
    """What a lookup is made for: a survey ends somewhere in the network, whoever is there."""

    JOIN = auto()
    REFRESH = auto()
    SURVEY = auto()
    SEEK = auto()
    ANNOUNCE = auto()


class State(Enum):
    """How far a lookup is with a node."""

    HEARD_OF = auto()
    ASKED = auto()
    LATE = auto()
    ANSWERED = auto()
    FAILED = auto()


class Candidate:
    """A node that a lookup has heard of, `depth` steps away. Its id is None where only an address was named."""

    __slots__ = ("address", "depth", "distance", "id", "state", "token")

    def __init__(self, node_id: bytes | None, address: Address, distance: int, depth: int) -> None:
        self.id = node_id
        self.address = address
        self.distance = distance
        self.depth = depth
        self.state = State.HEARD_OF
        self.token: bytes | None = None


class Lookup:
    """One lookup of `target`: ask whom `next` names, say who `answered`, is `late` or `failed`, until it is `done`."""

    def __init__(self, aim: Aim, target: Key, own_id: bytes, lookup_id: LookupId = b"") -> None:
        self.aim = aim
        self.target = target
        self.id = lookup_id
        self.hops = 0
        """The longest path to a node that answered."""
        self._own_id = own_id
        self._number = number_of(target)
        self._candidates: list[Candidate] = []
        self._known: set[tuple[bytes | None, Address]] = set()
        self._tries: Counter[str] = Counter()
        """By host, how often it was asked; once it has answered, as often as it may be."""
        self._subnets: Counter[str] = Counter()
        """By subnet of the open Internet, how many of its nodes have answered."""
        self._under_way = 0
        self._asked = 0
        self._found: set[Address] = set()

    def learn(self, nodes: Iterable[NodeInfo], depth: int) -> None:
        """Nodes were named by one that is `depth - 1` steps away."""
        for node in nodes:
            if node.id != self._own_id:
                self._add(node.id, node.address, depth)

    def start_at(self, addresses: Iterable[Address]) -> None:
        """Nodes are known by their addresses alone: asked when nobody nearer is known – or first by who enters,
        since the nodes it has met may know nobody but each other."""
        for address in addresses:
            self._add(None, address, 1)

    def next(self) -> list[Candidate]:
        """Whom to ask now."""
        chosen = []
        for candidate in self._nearest():
            if self._under_way >= ALPHA or self._asked >= MAX_ASKED:
                break
            if candidate.state is State.HEARD_OF:
                candidate.state = State.ASKED
                self._tries[candidate.address[0]] += 1
                self._under_way += 1
                self._asked += 1
                chosen.append(candidate)
        return chosen

    @property
    def done(self) -> bool:
        """Whether nobody is left to ask or to wait for, once `next` was asked."""
        return not self._under_way

    def answered(self, candidate: Candidate, answer: Answer, ipv6: bool = False) -> list[Address]:
        """A node answered; returns the peers it named, of this family of addresses, that nobody did before."""
        self._settle(candidate, State.ANSWERED)
        if candidate.id != answer.sender:
            # Who named it did not know its id, or lied. It is judged by its own.
            candidate.state = State.FAILED
            candidate = Candidate(answer.sender, candidate.address, self._distance(answer.sender), candidate.depth)
            candidate.state = State.ANSWERED
            self._insert(candidate)
        host = candidate.address[0]
        if not is_loopback(host):
            self._tries[host] = MAX_PER_HOST
        if not is_local(host):
            self._subnets[subnet(host)] += 1
        candidate.token = answer.token
        self.hops = max(self.hops, candidate.depth)
        self.learn((node for node in answer.nodes if is_ipv6(node.address[0]) == ipv6), candidate.depth + 1)
        return self.found(peer for peer in answer.peers if is_ipv6(peer[0]) == ipv6)

    def found(self, peers: Iterable[Address]) -> list[Address]:
        """Somebody named these peers; returns those that nobody did before."""
        fresh = list(dict.fromkeys(peer for peer in peers if peer not in self._found))
        self._found.update(fresh)
        return fresh

    def late(self, candidate: Candidate) -> None:
        """A node takes longer than most: the next is asked meanwhile."""
        if candidate.state is State.ASKED:
            self._settle(candidate, State.LATE)

    def failed(self, candidate: Candidate) -> None:
        """A node will not answer."""
        self._settle(candidate, State.FAILED)

    def takers(self) -> list[tuple[NodeInfo, bytes]]:
        """The nearest nodes that take an announce, each with the token it gave."""
        return [(NodeInfo(one.id, one.address), one.token) for one in self._answered() if one.id and one.token]

    def nearest(self) -> list[Address]:
        """The nearest nodes that answered."""
        return [candidate.address for candidate in self._answered()]

    def _answered(self) -> list[Candidate]:
        return [one for one in self._candidates if one.state is State.ANSWERED][:K]

    def _nearest(self) -> list[Candidate]:
        """The K nearest that may answer or have."""
        nearest = []
        for candidate in self._candidates:
            if candidate.state is State.HEARD_OF and not self._may_ask(candidate.address[0]):
                candidate.state = State.FAILED
            if candidate.state not in (State.FAILED, State.LATE):
                nearest.append(candidate)
                if len(nearest) == K:
                    break
        return nearest

    def _may_ask(self, host: str) -> bool:
        if self._tries[host] >= MAX_PER_HOST:
            return False
        return is_local(host) or self._subnets[subnet(host)] < MAX_PER_SUBNET

    def _settle(self, candidate: Candidate, state: State) -> None:
        if candidate.state is State.ASKED:
            self._under_way -= 1
        candidate.state = state

    def _add(self, node_id: bytes | None, address: Address, depth: int) -> None:
        if (node_id, address) not in self._known and len(self._known) < MAX_ASKED * MAX_CANDIDATES:
            self._known.add((node_id, address))
            self._insert(Candidate(node_id, address, self._distance(node_id), depth))

    def _insert(self, candidate: Candidate) -> None:
        insort(self._candidates, candidate, key=lambda one: one.distance)
        if len(self._candidates) > MAX_CANDIDATES and self._candidates[-1].state is State.HEARD_OF:
            self._candidates.pop()

    def _distance(self, node_id: bytes | None) -> int:
        if node_id is None:
            return _NEAREST if self.aim is Aim.JOIN else _FARTHEST
        return number_of(node_id) ^ self._number
