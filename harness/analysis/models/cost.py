"""What distribution costs whoever pays for the origin: bytes, servers, and the number of peers from which a swarm wins.

Flash crowds of equal peers; sizes are bytes, rates bytes per second of payload.
"""

from __future__ import annotations

import math

GB = 10**9
"""What traffic is sold by."""


def price(origin_bytes: float, per_gb: float) -> float:
    """What the origin's traffic costs, in the currency of `per_gb`."""
    return origin_bytes / GB * per_gb


def servers(count: int, size: int, target_s: float, *, server_up: float, up: float, down: float) -> int | None:
    """The fewest servers by which all can be done in this time (Kumar & Ross 2006); None if no number will do, as
    downlinks are too slow. Peers without `up` make it client-server."""
    if size / down > target_s:
        return None
    from_servers = count * (size / target_s - up)
    return math.ceil(max(size / target_s, from_servers) / server_up)


def crossover(*, server_up: float, up: float, down: float, efficiency: float = 1.0) -> int | None:
    """The least number of peers from which on a swarm's last is done before a server's, or None if there is none.

    A swarm that reaches a share e of its bound takes max(F/u_s, F/d, NF/(u_s + Nu))/e, a server NF/u_s while downlinks
    do not limit it: so N must exceed 1/e, u_s/(e·d) and u_s(1/e − 1)/u.
    """
    if not up:
        return None
    least = max(1 / efficiency, server_up / (efficiency * down), server_up * (1 / efficiency - 1) / up)
    return math.floor(least) + 1
