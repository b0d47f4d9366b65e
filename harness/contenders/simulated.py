"""The contenders that exist in the simulated lab, each in place on the hosts of a network.

They have the names of those on real sockets, which are what they model: the swarms by the same core, `http` by the same
exchange. In large steps a swarm's blocks are coarser: each byte of them stands for `grain` bytes, on the links, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, TypeAlias

from harness.contenders.rendezvous import supernode_count
from harness.errors import UsageError
from harness.labs.simulated.hosts import Host
from harness.labs.simulated.http import Download, WebServer
from harness.labs.simulated.network import Network
from harness.labs.simulated.overlays import JOIN_S
from harness.labs.simulated.peers import Peer
from harness.labs.simulated.supernodes import SupernodeHost
from harness.labs.simulated.swarms import Swarm, coarse_piece_length
from harness.results.schema import Sources
from harness.scenarios.model import Content

ADD_S = 0.002
"""Between two peers that are put in place, which a fleet does one after the other."""
SETTLE_S = 15.0
"""How long a network of supernodes may take to form."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a simulated contender plays one step: an item of `size` bytes, of which `grain` are one in a block."""

    network: Network
    server: Host
    hosts: Sequence[Host]
    size: int
    piece_size: int
    grain: int
    seed: str


class Fetch(Protocol):
    """One peer's download. Times are virtual seconds, None for what has not happened; sizes bytes of the item."""

    @property
    def first_peer_at(self) -> float | None:
        """When it first knew of another."""
        ...

    @property
    def first_byte_at(self) -> float | None:
        """When its first payload byte came."""
        ...

    @property
    def completed_at(self) -> float | None:
        """When its last byte was verified."""
        ...

    @property
    def failed(self) -> str | None:
        """Why it can go on no more."""
        ...

    @property
    def verified(self) -> int:
        """Bytes verified so far."""
        ...

    @property
    def wasted(self) -> int:
        """Bytes thrown away."""
        ...

    @property
    def sources(self) -> Sources:
        """Useful bytes by who delivered them."""
        ...

    def begin(self) -> None:
        """Want the item from now on."""
        ...


class Played(Protocol):
    """A contender in place."""

    @property
    def fetches(self) -> Sequence[Fetch]:
        """One for each host, in their order."""
        ...

    def origin_leaves(self) -> None:
        """The origin dies."""
        ...

    def hopeless(self) -> str | None:
        """Why no full copy can exist any more, once the origin is gone; None while one can, or nobody knows."""
        ...


Simulated: TypeAlias = Callable[[Setting], Played]


class _HttpFetch:
    first_peer_at: float | None = None
    wasted = 0

    def __init__(self, host: Host, server: Host, size: int) -> None:
        self._download = Download(host, size)
        self._server = server

    @property
    def first_byte_at(self) -> float | None:
        return self._download.first_byte_at

    @property
    def completed_at(self) -> float | None:
        return self._download.completed_at

    @property
    def failed(self) -> str | None:
        return self._download.failed

    @property
    def verified(self) -> int:
        return self._download.received_bytes

    @property
    def sources(self) -> Sources:
        return Sources(origin=self.verified)

    def begin(self) -> None:
        self._download.begin(self._server.address)


class Http:
    """One server, whom everybody asks for everything."""

    def __init__(self, setting: Setting) -> None:
        self._server = setting.server
        WebServer(setting.server, setting.size)
        self.fetches = [_HttpFetch(host, setting.server, setting.size) for host in setting.hosts]

    def origin_leaves(self) -> None:
        """Every download breaks off."""
        self._server.die()

    def hopeless(self) -> str | None:
        """Transfers fail by themselves when the server goes."""
        return None


class _SwarmFetch:
    def __init__(self, peer: Peer, swarm: Swarm, origin: str, grain: int) -> None:
        self.peer = peer
        self._swarm = swarm
        self._origin = origin
        self._grain = grain

    @property
    def first_peer_at(self) -> float | None:
        return self.peer.first_peer_at

    @property
    def first_byte_at(self) -> float | None:
        return self.peer.first_byte_at

    @property
    def completed_at(self) -> float | None:
        return self.peer.completed_at

    @property
    def failed(self) -> str | None:
        return self.peer.failed

    @property
    def verified(self) -> int:
        return self.peer.node.downloaded * self._grain if self.peer.node is not None else 0

    @property
    def wasted(self) -> int:
        return self.peer.node.tally().wasted * self._grain if self.peer.node is not None else 0

    @property
    def sources(self) -> Sources:
        if self.peer.node is None:
            return Sources()
        tally = self.peer.node.tally()
        origin = sum(count for (host, _), count in tally.served.items() if host == self._origin)
        return Sources(origin=origin * self._grain, peers=(tally.downloaded - origin) * self._grain)

    def begin(self) -> None:
        self.peer.join(self._swarm.metainfo)


class SwarmPlayed:
    """A seed and the peers, who meet by a tracker, by supernodes, or by an overlay."""

    def __init__(self, setting: Setting, *, overlay: str | None = None, supernodes: bool = False) -> None:
        network = setting.network
        trackers = _supernodes(setting) if supernodes else ()
        tracked_by = None if overlay or supernodes else setting.server
        self._swarm = swarm = Swarm(
            network,
            setting.size,
            setting.piece_size,
            seed=setting.seed,
            tracked_by=tracked_by,
            trackers=trackers,
            overlay=overlay,
            grain=setting.grain,
        )
        self._seed = swarm.add(setting.server, complete=True, join_at=network.clock.now)
        network.clock.run(network.clock.now + 1.0)
        self.fetches = []
        for host in setting.hosts:
            peer = swarm.add(host, join_at=None)
            self.fetches.append(_SwarmFetch(peer, swarm, setting.server.address, setting.grain))
            if overlay:
                network.clock.run(network.clock.now + ADD_S)
        if overlay:
            network.clock.run(network.clock.now + JOIN_S, done=lambda: all(peer.joined for peer in swarm.peers))

    def origin_leaves(self) -> None:
        """The seed dies, and the tracker on its host."""
        self._seed.host.die()
        self._seed.leave(abrupt=True)

    def hopeless(self) -> str | None:
        """Whether pieces are nowhere, nor whole and about to be verified anywhere."""
        return self._swarm.lacking() if self._seed.left else None


def _supernodes(setting: Setting) -> tuple[tuple[str, ...], ...]:
    network, nodes = setting.network, list[SupernodeHost]()
    for number, host in enumerate(setting.hosts[: supernode_count(len(setting.hosts))]):
        rng = Random(f"supernode/{setting.seed}/{number}")
        nodes.append(SupernodeHost(host, rng, [node.address for node in nodes]))
    network.clock.run(network.clock.now + SETTLE_S, done=lambda: all(node.met for node in nodes))
    return (tuple(node.url for node in nodes),)


CONTENDERS: Mapping[str, Simulated] = {
    "http": Http,
    "swarm": SwarmPlayed,
    "swarm-dht": lambda setting: SwarmPlayed(setting, overlay="dht"),
    "swarm-gossip": lambda setting: SwarmPlayed(setting, overlay="gossip"),
    "swarm-supernode": lambda setting: SwarmPlayed(setting, supernodes=True),
}


def check(names: Sequence[str]) -> None:
    """Raise UsageError for contenders that do not exist in the simulated lab."""
    for name in names:
        if name not in CONTENDERS:
            raise UsageError(
                f"contender {name!r} does not exist in the simulated lab, where there are: {', '.join(CONTENDERS)}"
            )


MANY = 5000
"""From so many peers on, pieces are no shorter than a block where nobody says how long they are: ten thousand would
else move five million of them."""

COARSE = ((500, 4), (MANY, 16))
"""From so many peers on, a byte of a block stands for so many: ten thousand take minutes then, and not an hour."""


def grain(peers: int) -> int:
    """How many bytes of the item one byte of a block stands for in a step of so many peers."""
    return max((coarse for least, coarse in COARSE if peers >= least), default=1)


def piece_size(content: Content, peers: int) -> int:
    """How long a swarm's pieces are in a step of so many peers; 0 leaves it to the node."""
    if content.piece_size or peers < MANY:
        return content.piece_size
    return coarse_piece_length(content.size, grain(peers))
