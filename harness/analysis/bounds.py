"""How fast any system could be: lower bounds on the time until the last peer, or one peer, has the whole item.

Every bound is a theorem of the fluid model – links are the only bottleneck, and protocols, delays and computing cost
nothing –, so a measurement can come close to it but not beat it. Sizes are bytes, rates bytes per second of payload,
times seconds counted from the first intended start. Pass calibrated rates: what a link carries is less than
its nominal rate, by its headers. Peers' links may differ.

Sources:

- R. Kumar, K. W. Ross, "Peer-Assisted File Distribution: The Minimum Distribution Time", IEEE HotWeb 2006.
- J. Mundinger, R. Weber, G. Weiss, "Optimal Scheduling of Peer-to-Peer File Dissemination", Journal of Scheduling 11,
  2008.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer: its intended start, on any clock, and what its link carries. `up` 0: it serves nobody."""

    arrival: float
    up: float
    down: float


def client_server(size: int, peers: Sequence[Peer], *, server_up: float) -> float:
    """A flash crowd at one server: all copies leave through its uplink, each comes down a downlink."""
    return max(len(peers) * size / server_up, size / min(peer.down for peer in peers))


def peer_to_peer(size: int, peers: Sequence[Peer], *, server_up: float) -> float:
    """A flash crowd that serves itself (Kumar & Ross 2006, theorem 1; tight in the fluid model).

    Each byte leaves the origin once, each copy comes down a downlink, and all copies leave through all uplinks
    together.
    """
    all_up = server_up + sum(peer.up for peer in peers)
    return max(size / server_up, size / min(peer.down for peer in peers), len(peers) * size / all_up)


def staggered(size: int, peers: Sequence[Peer], *, server_up: float) -> float:
    """The bound for peers that come at different times; with no `up` among them it is client-server.

    The result counts from the first arrival.

    Proof. Sort the peers by arrival, t₁ = 0 ≤ t₂ ≤ … ≤ t_N, and let D be the last completion.

    1. No peer is done before it could be if it were alone cared for, so D ≥ t_i + `own`_i for every i.
    2. For every j, peers j…N need (N−j+1)·F bytes between them, none of it before t_j. At time τ, let A be the peers
       that have come, and R those of them that are of j…N. Only the origin and A can hold a byte to send – where R is
       one peer, that one cannot send to itself –, so at most u_s + Σ_A u, less that one's, leaves; and at most Σ_R d
       arrives. The integral of the lesser of the two from t_j to D is therefore at least (N−j+1)·F.

    The integrand is positive, so each j yields a least D, and the largest of all is the bound. ∎ If all come at once,
    this is the flash crowd's bound. With no `up` and d ≥ u_s it is the makespan of a queue that never idles. For peers
    of unequal links it is a bound still, but step (2) lets a fast peer receive on when it has everything, so it need
    not be tight.
    """
    ordered = sorted(peers, key=lambda peer: peer.arrival)
    alone = (peer.arrival + own(size, ordered, i, server_up=server_up) for i, peer in enumerate(ordered))
    last_ones = (_last_of(ordered, j, size, server_up) for j in range(len(ordered)))
    return max(*alone, *last_ones) - ordered[0].arrival


def _last_of(ordered: Sequence[Peer], j: int, size: int, server_up: float) -> float:
    """Least D for which the integral of step (2) reaches what the peers from index `j` on need."""

    def rate(present: int) -> float:
        receivers = ordered[j:present]
        out = server_up + sum(peer.up for peer in ordered[:present])
        if len(receivers) == 1:
            out -= receivers[0].up
        return min(out, sum(peer.down for peer in receivers))

    return _reached((len(ordered) - j) * size, ordered, j, rate)


def own(size: int, peers: Sequence[Peer], index: int, *, server_up: float) -> float:
    """The least time in which any scheme could serve the peer at `index`, were it alone cared for; from its arrival.

    Proof. At time τ only the origin and the other peers that have come can send to it, at most u_s + Σ u of these, and
    no more than d_i arrives: the integral of the lesser from t_i to its completion is at least F. And as every byte
    leaves the origin at least once, none before t₁, no peer is done before t₁ + F/u_s. ∎
    """
    me = peers[index]
    others = sorted((peer for i, peer in enumerate(peers) if i != index), key=lambda peer: peer.arrival)
    before = [peer for peer in others if peer.arrival <= me.arrival]
    ordered = [*before, me, *others[len(before) :]]

    def rate(present: int) -> float:
        return min(me.down, server_up + sum(peer.up for peer in ordered[:present]) - me.up)

    first_copy = ordered[0].arrival + size / server_up
    return max(_reached(size, ordered, len(before), rate), first_copy) - me.arrival


def _reached(needed: float, ordered: Sequence[Peer], start: int, rate: Callable[[int], float]) -> float:
    """When the integral of `rate(number of peers present)`, from the arrival of the one at `start`, is `needed`."""
    for k in range(start, len(ordered)):
        now = rate(k + 1)
        until = ordered[k + 1].arrival if k + 1 < len(ordered) else math.inf
        if needed <= now * (until - ordered[k].arrival):
            return ordered[k].arrival + needed / now
        needed -= now * (until - ordered[k].arrival)
    raise AssertionError("unreachable: the last interval has no end")


def chunked(peers: int, pieces: int) -> float:
    """Least time in *file-times* for an item of whole pieces when every uplink, the origin's too, is equal.

    One file-time is the time in which one uplink sends the item once. M pieces reach N peers in no fewer than M +
    ⌊log₂N⌋ rounds of one piece each, and this is reached (Mundinger, Weber, Weiss 2008, theorem 1): what is lost
    against the fluid limit by cutting into pieces.
    """
    return 1 + (peers.bit_length() - 1) / pieces


def completion(size: int, peers: Iterable[Peer], *, server_up: float) -> float:
    """The bound of one step: what `Row.bound_s` holds."""
    wanting = list(peers)
    if min(peer.arrival for peer in wanting) < max(peer.arrival for peer in wanting):
        return staggered(size, wanting, server_up=server_up)
    if any(peer.up for peer in wanting):
        return peer_to_peer(size, wanting, server_up=server_up)
    return client_server(size, wanting, server_up=server_up)
