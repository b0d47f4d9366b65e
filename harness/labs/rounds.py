"""What a calibration finds out: figures, the hosts each is found on, and which of them side by side.

A figure needs hosts of its own while it is measured. Figures that share none run in the same round, as long as all of
them together are no work for the machine; so more figures cost hosts, which are cheap, rather than time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from harness.labs.base import Host, HostSpec
from harness.labs.probe import Cap, Flow, Phase

FRAME = 1514
PAYLOAD = 1448 / FRAME
"""What headers leave of a link that carries data one way (docs/decisions/0005-namespace-lab.md)."""
ACKNOWLEDGEMENT = 66
SLOW = 0.3e6 / 8
"""Below this rate a frame takes longer than an acknowledgement is put off, so each has its own; else every second."""

MARGIN = 2.0
"""A link counts as filled when what surrounds it could carry this much: flows share a link unevenly at first."""
MANY = 4
"""Flows at least, where the figure is that of many – fewer on links so slow that their first windows would queue for a
second, after which TCP sends again what is still on its way."""
FIRST_WINDOW = 10 * FRAME
RING = 4
"""Peers that send to one another in a circle for the duplex rate; two would do, four smooth it."""
MOST_LAID_OUT = 64
"""Peers to lay out at most for calibration's sake; of those that the run has it takes as many as a link needs."""
SIDE_BY_SIDE = 100e6 / 8
"""Bytes per second that a round may carry in all: a tenth of what the lab and its probe can."""

RAMP_S = 0.25
SLOWEST_RAMP_S = 4.0
RAMP_FRAMES = 30
"""A slow link's ramp is long enough for each flow to have had so many frames, up to SLOWEST_RAMP_S: its first window of
ten, and what TCP sent again of it. It does so after 0.2 s, long before those have left the queue, and frames that come
twice are no payload: links of 256 and 512 kbit/s were found 4 and 6 % too slow."""
WINDOW_S = 0.5
SLOWEST_WINDOW_S = 2.5
WINDOW_FRAMES = 60
"""A slow link's window is long enough for this many frames, up to SLOWEST_WINDOW_S."""
SHARE_FRAMES = 40
"""And for so many of each flow: flows take turns, in a busy lab by four frames at once, and a window shorter than some
of their turns is off by what it cuts of one."""
QUEUE_S = 0.1
"""Buffers hold this much of a link's time, so that its queue is never long."""
MIN_BUFFER, MAX_BUFFER = 1 << 14, 1 << 20


class Direction(Enum):
    """The directions a link is measured in; DUPLEX is up while as much comes down."""

    UP = "up"
    DOWN = "down"
    DUPLEX = "up, while receiving"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure, placed: the link of `subject`, filled by flows to or from `others`."""

    name: str
    direction: Direction
    subject: Host
    others: Sequence[Host]

    @property
    def nominal(self) -> float:
        """The rate that the link is to have on the wire."""
        return self.subject.down if self.direction is Direction.DOWN else self.subject.up

    @property
    def reachable(self) -> float:
        """The rate that the links at the other ends leave of it."""
        match self.direction:
            case Direction.UP:
                return min(self.nominal, sum(other.down for other in self.others))
            case Direction.DOWN:
                return min(self.nominal, sum(other.up for other in self.others))
            case Direction.DUPLEX:
                return self.nominal

    @property
    def flows(self) -> list[Flow]:
        """The connections that fill the link."""
        match self.direction:
            case Direction.UP:
                return [Flow(self.subject.address, other.address) for other in self.others]
            case Direction.DOWN:
                return [Flow(other.address, self.subject.address) for other in self.others]
            case Direction.DUPLEX:
                ring = [self.subject, *self.others]
                pairs = zip(ring, [*self.others, self.subject], strict=True)
                return [Flow(a.address, b.address, counted=a is self.subject) for a, b in pairs]

    @property
    def hosts(self) -> list[Host]:
        """Everybody who takes part."""
        return [self.subject, *self.others]

    @property
    def load(self) -> float:
        """Bytes per second that it moves."""
        return self.reachable * (len(self.hosts) if self.direction is Direction.DUPLEX else 1)

    def expected(self, *, shaped: bool) -> float:
        """The payload rate that there should be: less than on the wire, where a kernel shapes that."""
        if not shaped:
            return self.reachable
        if self.direction is not Direction.DUPLEX:
            return self.reachable * PAYLOAD
        acknowledged = 1 if self.nominal < SLOW else 2
        return self.reachable * 1448 / (FRAME + ACKNOWLEDGEMENT / acknowledged)

    def phase(self, *, shaped: bool) -> Phase:
        """How the probe measures it; where nothing shapes the links the probe caps itself as contenders do.

        Of a ring the server, standing in when there is one peer only, is held to that peer's rate.
        """
        caps = {} if shaped else {host.address: Cap(host.up, host.down) for host in self.hosts}
        if self.direction is Direction.DUPLEX:
            faster = [other for other in self.others if other.up != self.subject.up]
            caps |= {other.address: Cap(up=self.subject.up * PAYLOAD) for other in faster}
        sharing = 1 if self.direction is Direction.DUPLEX else len(self.others)
        share = self.reachable / sharing
        ramp_s = min(SLOWEST_RAMP_S, max(RAMP_S, RAMP_FRAMES * FRAME / share))
        needed_s = max(WINDOW_FRAMES * FRAME / self.reachable, SHARE_FRAMES * FRAME / share)
        window_s = min(SLOWEST_WINDOW_S, max(WINDOW_S, needed_s))
        buffer = round(min(MAX_BUFFER, max(MIN_BUFFER, share * QUEUE_S)))
        return Phase(self.name, self.flows, ramp_s, window_s, buffer, caps)


@dataclass(frozen=True, slots=True)
class _Wish:
    """A figure without its hosts: whose link, and how many peers are to be at the other ends."""

    name: str
    direction: Direction
    of_server: bool
    others: int
    by_server: bool = False
    """Whether the server stands at all of the other ends."""

    @property
    def peers(self) -> int:
        return (0 if self.by_server else self.others) + (not self.of_server)


def _of_server(up: float, down: float, peer: Host | HostSpec) -> list[_Wish]:
    return [
        _Wish("server_up", Direction.UP, True, _to_fill(up, peer.down)),
        # No bound rests on it, and more first windows than these, at once, would wait in its queue for seconds.
        _Wish("server_down", Direction.DOWN, True, min(MOST_LAID_OUT, _to_fill(down, peer.up))),
    ]


def _of_peer(server: Host | HostSpec, peer: Host | HostSpec, number: int) -> list[_Wish]:
    by_server = peer.up < SLOW and server.up >= MARGIN * peer.down
    return [
        _Wish(f"peer_up_{number}", Direction.UP, False, _to_fill(peer.up, peer.down)),
        _Wish(f"peer_up_one_{number}", Direction.UP, False, 1),
        _Wish(f"peer_up_duplex_{number}", Direction.DUPLEX, False, RING - 1),
        _Wish(
            f"peer_down_{number}",
            Direction.DOWN,
            False,
            _to_fill(peer.down, server.up if by_server else peer.up),
            by_server,
        ),
    ]


def _to_fill(rate: float, other: float) -> int:
    many = min(MANY, max(1, int(rate / FIRST_WINDOW)))
    return max(many, math.ceil(MARGIN * rate / other))


def peers_needed(server: Host | HostSpec, peer: Host | HostSpec) -> int:
    """How many peers to lay out, whatever the run itself needs, so that every figure can be measured in full.

    With fewer, a figure is what those can carry: a server's uplink no faster than all its peers' downlinks.
    """
    wishes = [*_of_server(server.up, server.down, peer), *_of_peer(server, peer, 0)]
    return min(MOST_LAID_OUT, max(wish.peers for wish in wishes))


def rounds(server: Host, groups: Sequence[Sequence[Host]]) -> list[list[Figure]]:
    """Every figure of the server's link and of each group of peers with like links, in rounds that share no host."""
    widest = max(groups, key=lambda group: sum(peer.down for peer in group))
    wished = [(wish, widest) for wish in _of_server(server.up, server.down, widest[0])]
    for number, group in enumerate(groups):
        wished += [(wish, group) for wish in _of_peer(server, group[0], number)]
        wished.append((_Wish(f"peer_down_one_{number}", Direction.UP, True, 1), group))
    wished.sort(key=lambda wanted: -wanted[0].peers)
    found: list[list[Figure]] = []
    for wish, group in wished:
        for figures in [*found, []]:
            figure = _placed(wish, server, group, figures)
            if figure is not None:
                if not figures:
                    found.append(figures)
                figures.append(figure)
                break
    return found


def _placed(wish: _Wish, server: Host, group: Sequence[Host], beside: Sequence[Figure]) -> Figure | None:
    """The figure on hosts that those beside it leave free; None if they leave too few, or carry too much already."""
    taken = {host.address for figure in beside for host in figure.hosts}
    free = [host for host in group if host.address not in taken]
    with_server = wish.of_server or wish.by_server or len(group) < wish.peers
    if len(free) < min(wish.peers, len(group)) or (with_server and server.address in taken):
        return None
    subject = server if wish.of_server else free.pop(0)
    others = [server] * wish.others if wish.by_server else free[: wish.others]
    if not wish.of_server and len(others) < wish.others:
        others.append(server)
    figure = Figure(wish.name, wish.direction, subject, others)
    if beside and sum(each.load for each in [*beside, figure]) > SIDE_BY_SIDE:
        return None
    return figure
