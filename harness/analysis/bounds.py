"""How fast any system could be: lower bounds on the time until the last peer has the whole item.

Every bound is a theorem of the fluid model – links are the only bottleneck, and protocols, delays and computing cost
nothing –, so a measurement can come close to it but not beat it. Sizes are bytes, rates bytes per second of payload,
times seconds counted from the first intended start. Pass calibrated rates: what a link carries is less than
its nominal rate, by its headers.

Sources:

- R. Kumar, K. W. Ross, "Peer-Assisted File Distribution: The Minimum Distribution Time", IEEE HotWeb 2006.
- J. Mundinger, R. Weber, G. Weiss, "Optimal Scheduling of Peer-to-Peer File Dissemination", Journal of Scheduling 11,
  2008.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.results.schema import Calibration


def client_server(size: int, peers: int, *, server_up: float, peer_down: float) -> float:
    """A flash crowd at one server: all copies leave through its uplink, each comes down a downlink."""
    return max(peers * size / server_up, size / peer_down)


def peer_to_peer(size: int, peers: int, *, server_up: float, peer_up: float, peer_down: float) -> float:
    """A flash crowd that serves itself (Kumar & Ross 2006, theorem 1; tight in the fluid model).

    Each byte leaves the origin once, each copy comes down a downlink, and all copies leave through all uplinks
    together.
    """
    return max(size / server_up, size / peer_down, peers * size / (server_up + peers * peer_up))


def staggered(size: int, arrivals: Sequence[float], *, server_up: float, peer_up: float, peer_down: float) -> float:
    """The bound for peers that come at different times; `peer_up` 0 is client-server.

    `arrivals` are intended starts in any order, on any clock; the result counts from the first.

    Proof. Sort the arrivals, t₁ = 0 ≤ t₂ ≤ … ≤ t_N, and let D be the last completion.

    1. Every byte leaves the origin at least once, and none before t₁, so D ≥ F/u_s.
    2. For every j, peers j…N need (N−j+1)·F bytes between them, none of it before t_j. At time τ, a peers have come,
       and r = a−j+1 of them are of j…N. Only the origin and those a can hold a byte to send – where r is 1, that one
       cannot send to itself –, so at most u_s + u·(a or a−1) leaves; and at most d·r arrives. The integral of the
       lesser of the two from t_j to D is therefore at least (N−j+1)·F.

    The integrand is positive, so each j yields a least D, and the largest of all is the bound. ∎ If all come at once,
    j = 1 gives the flash crowd's bound. With u = 0 and d ≥ u_s it is the makespan of a queue that never idles.
    """
    times = sorted(arrivals)
    first_copy = times[0] + size / server_up
    last_ones = (_last_of(times, j, size, server_up, peer_up, peer_down) for j in range(len(times)))
    return max(first_copy, *last_ones) - times[0]


def _last_of(times: Sequence[float], j: int, size: int, server_up: float, peer_up: float, peer_down: float) -> float:
    """Least D for which the integral of step (2) reaches what the peers from index `j` on need."""
    needed = float((len(times) - j) * size)
    for k in range(j, len(times)):
        receivers = k - j + 1
        senders = k + 1 if receivers > 1 else k
        rate = min(server_up + peer_up * senders, peer_down * receivers)
        until = times[k + 1] if k + 1 < len(times) else math.inf
        if needed <= rate * (until - times[k]):
            return times[k] + needed / rate
        needed -= rate * (until - times[k])
    raise AssertionError("unreachable: the last interval has no end")


def chunked(peers: int, pieces: int) -> float:
    """Least time in *file-times* for an item of whole pieces when every uplink, the origin's too, is equal.

    One file-time is the time in which one uplink sends the item once. M pieces reach N peers in no fewer than M +
    ⌊log₂N⌋ rounds of one piece each, and this is reached (Mundinger, Weber, Weiss 2008, theorem 1): what is lost
    against the fluid limit by cutting into pieces.
    """
    return 1 + (peers.bit_length() - 1) / pieces


def completion(size: int, arrivals: Sequence[float], rates: Calibration, *, origin_is_server: bool) -> float:
    """The bound of one step: what `Row.bound_s` holds.

    A swarm's peers acknowledge what they receive over the uplink they send on, so their uplinks count with the duplex
    rate. It bounds the aggregate: peers cannot send more between them than they receive, hence acknowledge.
    """
    flash_crowd = min(arrivals) == max(arrivals)
    peers = len(arrivals)
    if origin_is_server:
        if flash_crowd:
            return client_server(size, peers, server_up=rates.server_up, peer_down=rates.peer_down)
        return staggered(size, arrivals, server_up=rates.server_up, peer_up=0, peer_down=rates.peer_down)
    if flash_crowd:
        return peer_to_peer(
            size, peers, server_up=rates.server_up, peer_up=rates.peer_up_duplex, peer_down=rates.peer_down
        )
    return staggered(size, arrivals, server_up=rates.server_up, peer_up=rates.peer_up_duplex, peer_down=rates.peer_down)
