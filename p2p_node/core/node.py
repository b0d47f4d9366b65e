"""A peer as a whole, sans-IO: a swarm, what finds its peers, and what dials them.

A shell (or a simulation) feeds inputs, then performs `take_effects()` in order, and calls `tick` at `timer`. That is
the whole contract.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from p2p_node.boundary import Close, ConnectionId, Dial, Effect, Upload
from p2p_node.core.company import Company
from p2p_node.core.connection import Phase
from p2p_node.core.dialer import Dialer
from p2p_node.core.rarity import Diversity
from p2p_node.core.search import Search
from p2p_node.core.stance import Stance, stance
from p2p_node.core.swarm import Swarm, SwarmSettings
from p2p_node.core.timers import earliest
from p2p_node.discovery.tiers import FEW_PEERS
from p2p_node.discovery.tracker import Standing
from p2p_node.discovery.trackers import Trackers
from p2p_node.wire.address import Address, is_ipv6
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.messages import Message
from p2p_node.wire.metainfo import Metainfo

GREETING_S, INTEREST_S = 2.0, 15.0
"""Where all places are taken, a connection gives its own up that has not shaken hands after the first of these, or is
of no interest to either side after the second; transmission looks at its interest every ten seconds."""

MAX_LAG_S = 10.0
"""Who was told the time later than this was stopped for a while, which says nothing about how busy the machine is."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What a node has moved so far, in payload bytes; `served` says how many verified bytes each peer sent,
    `web_seeded` how many came from web seeds. Duplicates are part of what is wasted."""

    downloaded: int
    uploaded: int
    wasted: int
    duplicates: int
    hash_failures: int
    left: int
    web_seeded: int
    served: dict[Address, int]


class Node:
    """One torrent's peer. Every input takes `now`, seconds of one monotonic clock."""

    def __init__(
        self,
        metainfo: Metainfo,
        peer_id: bytes,
        own: Address,
        have: int,
        settings: SwarmSettings,
        rng: Random,
        now: float,
    ) -> None:
        self.metainfo = metainfo
        self.swarm = Swarm(metainfo, peer_id, own, have, settings, rng, now)
        self._settings = settings
        self._dialer = Dialer(own)
        self._ipv6 = is_ipv6(own[0])
        self._trackers = Trackers(metainfo.trackers, metainfo.info_hashes, peer_id, own[1], rng)
        # BEP 27: the peers of a private torrent come from its trackers alone.
        self._search = Search(() if metainfo.private else metainfo.info_hashes, own[1])
        self._joined_at = now
        self._came_complete = self.complete
        self._company = Company(self.swarm, settings.enough_connections, settings.max_connections, now)
        self._unproven: dict[ConnectionId, Address] = {}
        """Connections dialled that have not shaken hands: a peer that just closes them may take another later."""
        self._effects: list[Effect] = []

    @property
    def complete(self) -> bool:
        """Whether every piece is verified."""
        return self.swarm.complete

    @property
    def downloaded(self) -> int:
        """Payload bytes received and verified so far."""
        return self.swarm.downloader.downloaded

    @property
    def timer(self) -> float:
        """When `tick` wants to be called."""
        others = self.swarm.timer, self._trackers.timer, self._search.timer
        if not self.complete:
            return earliest(*others, self._company.timer, self._dialer.timer())
        serves_others = self._company.seeks and self._dialer.known
        return earliest(*others, self._company.timer) if serves_others else earliest(*others)

    @property
    def listed(self) -> bool:
        """Whether some tracker knows of this peer, if there are trackers."""
        return self._trackers.listed

    @property
    def parted(self) -> bool:
        """Whether, after `stop`, every tracker that knows of this peer has heard its goodbye."""
        return self._trackers.parted

    def tally(self) -> Tally:
        """What was moved so far."""
        downloader = self.swarm.downloader
        return Tally(
            downloaded=downloader.downloaded,
            uploaded=self.swarm.uploader.uploaded,
            wasted=downloader.wasted,
            duplicates=downloader.duplicates,
            hash_failures=downloader.hash_failures,
            left=downloader.picker.left,
            web_seeded=self.swarm.web_seeds.delivered,
            served=dict(downloader.served),
        )

    @property
    def diversity(self) -> Diversity:
        """How evenly the pieces are spread among the connected peers."""
        return self.swarm.downloader.picker.rarity.diversity

    @property
    def stance(self) -> Stance:
        """How it stands with the connected peers."""
        return stance(self.swarm.connections.values())

    def take_effects(self) -> list[Effect]:
        """What is to be done now, in order; taken once."""
        effects, self._effects = self._effects, []
        effects += self._trackers.take_effects()
        if self._search.effects:
            effects += self._search.effects
            self._search.effects.clear()
        effects += self.swarm.effects
        self.swarm.effects.clear()
        return effects

    # Inputs

    def learn(self, addresses: Iterable[Address], now: float) -> None:
        """Peers of the swarm were found somewhere."""
        self._dialer.learn(address for address in addresses if is_ipv6(address[0]) == self._ipv6)
        self._dial(now)

    def connected(self, connection: ConnectionId, address: Address, outgoing: bool, now: float) -> None:
        """A connection is established."""
        if outgoing:
            self._unproven[connection] = address
            self._dialer.connected(address)
        elif self._company.turns_away:
            self._effects.append(Close(connection, "has enough connections while the swarm forms"))
            return
        elif len(self.swarm.connections) >= self._settings.max_connections and not self._make_room(now):
            self._company.refused()
            self._effects.append(Close(connection, "too many connections"))
            return
        self.swarm.connected(connection, address, outgoing, now)

    def dial_failed(self, address: Address, now: float) -> None:
        """A `Dial` came to nothing."""
        self._dialer.failed(address, now)

    def disconnected(self, connection: ConnectionId, now: float) -> None:
        """A connection ended; also the answer to `Close`."""
        if (address := self._unproven.pop(connection, None)) is not None:
            self._dialer.failed(address, now)
        self.swarm.disconnected(connection, now)
        if len(self.swarm.connections) < FEW_PEERS and not self.complete:
            self._trackers.lonely(now)
            self._search.tend(True, now)
        self._dial(now)

    def shaken_hands(self, connection: ConnectionId, handshake: Handshake, now: float) -> None:
        """The peer's handshake came."""
        if (address := self._unproven.pop(connection, None)) is not None:
            self._dialer.succeeded(address)
        if connection in self.swarm.connections:
            self.swarm.shaken_hands(connection, handshake, now)
        self._dial(now)

    def received(self, connection: ConnectionId, batch: Sequence[Message], now: float) -> None:
        """Messages came."""
        self.swarm.received(connection, batch, now)
        if found := self.swarm.extensions.take_found():
            if self.complete:  # seeds want nothing of each other
                found = {address: is_seed for address, is_seed in found.items() if not is_seed}
            self._dialer.learn_seeds(address for address, is_seed in found.items() if is_seed)
            self.learn(found, now)

    def piece_verified(self, piece: int, right: bool, now: float) -> None:
        """The outcome of a `Verify`."""
        self.swarm.piece_verified(piece, right, now)
        if right and self.complete:
            self._trackers.completed(now)
            self._announce(now)
        elif right and self._company.fell_behind():
            self._dial(now)

    def leaves_hashed(self, leaves: Sequence[bytes], now: float) -> None:
        """The outcome of a `HashLeaves`: SHA-256 of each block of its pieces; none when they could not be read."""
        self.swarm.leaves_hashed(leaves, now)

    def range_received(self, number: int, data: bytes, now: float) -> None:
        """Bytes of a `FetchRange` came, in order; `data` is copied where it is kept."""
        self.swarm.range_received(number, data, now)

    def range_failed(self, number: int, wish: float | None, for_good: bool, now: float) -> None:
        """A `FetchRange` failed; `wish` is the pause in seconds that the server asked for, `for_good` says that asking
        again is no use."""
        self.swarm.range_failed(number, wish, for_good, now)

    def expects(self, connection: ConnectionId, piece: int, begin: int, size: int) -> bool:
        """Whether this run of blocks is still missing, and this peer was asked for it; a question, not an input."""
        return self.swarm.expects(connection, piece, begin, size)

    def next_upload(self, most: int, now: float) -> Upload | None:
        """The next blocks to send, at most `most` bytes unless one is longer; None when nothing waits or the link is
        busy. Answer with `drained` when the socket has taken them, then ask again."""
        return self.swarm.next_upload(most, now)

    def drained(self, connection: ConnectionId, now: float) -> None:
        """The socket has taken what `next_upload` gave for this connection."""
        self.swarm.drained(connection, now)

    def announced(self, tracker: str, reply: bytes, now: float) -> None:
        """A tracker answered an `Announce`, whatever it said."""
        self.learn(self._trackers.replied(tracker, reply, now), now)
        self._announce(now)

    def announce_failed(self, tracker: str, now: float) -> None:
        """A tracker could not be reached."""
        self._trackers.failed(tracker, now)
        self._announce(now)

    def datagram_received(self, source: Address, data: bytes, now: float) -> None:
        """A datagram came to this peer's port."""
        self.learn(self._trackers.datagram_received(data, is_ipv6(source[0]), now), now)
        self._announce(now)

    def datagram_failed(self, address: Address, now: float) -> None:
        """A `SendDatagram` could not be sent: its host is not known."""
        self._trackers.unreachable(address, now)
        self._announce(now)

    def tick(self, now: float) -> None:
        """The timer came due; also the first input, to begin."""
        lag_s = self._lag_s(now)
        self._dialer.lagged(lag_s)
        self.swarm.tick(now)
        starving = self.swarm.starving
        self._company.tick(starving, lag_s, now)
        if starving:
            self._trackers.lonely(now)
        self._search.provide()
        self._search.tend(starving or (not self.complete and len(self.swarm.connections) < FEW_PEERS), now)
        self._announce(now)
        self._dial(now)

    def stop(self, now: float) -> None:
        """Be found no more, and say goodbye to the trackers; connections are ended by whoever holds them."""
        self._search.stop()
        self._trackers.stop(self._standing(), now)

    def _lag_s(self, now: float) -> float:
        due = self.timer
        if due <= self._joined_at:  # what is to be done at once counts as due long ago
            return 0.0
        return min(max(now - due, 0.0), MAX_LAG_S)

    def _make_room(self, now: float) -> bool:
        """End the oldest connection that is of no use to either side, so that nobody can keep others out by doing
        nothing; returns whether there was one."""
        for peer in self.swarm.connections.values():
            silent = peer.phase is Phase.HANDSHAKE and now - peer.opened >= GREETING_S
            idle = not (peer.am_interested or peer.peer_interested) and now - peer.opened >= INTEREST_S
            if silent or idle:
                self.swarm.close(peer.id, "makes room for another", now)
                return True
        return False

    def _announce(self, now: float) -> None:
        due = self._trackers.timer
        if due is not None and due <= now:
            self._trackers.tend(self._standing(), now)

    def _standing(self) -> Standing:
        tally = self.tally()
        finished = self.complete and not self._came_complete
        return Standing(tally.uploaded, tally.downloaded, tally.left, finished, len(self.swarm.connections))

    def _dial(self, now: float) -> None:
        if not self._company.seeks:
            return
        connections = self.swarm.connections.values()
        room = self._company.room(self._dialer.known, self._dialer.unanswered(now), now)
        if self.complete and room <= 0:  # whoever downloads dials one at least
            return
        # Twice as many as are enough, and no more: who says that others are seeds may lie again and again.
        wanting = not self.complete and room > -self._settings.enough_connections
        may_seek = wanting and self._dialer.knows_seeds
        seedless = may_seek and self.swarm.seedless
        if not self._dialer.may_dial(len(connections), room, now, seedless=seedless):
            return
        connected = {peer.listen_address or peer.address for peer in connections}
        for address in self._dialer.next(connected, room, now, seedless=seedless):
            self._effects.append(Dial(address))
