"""How a peer stands with those it is connected to: who chokes whom, who wants something of whom, and what is asked for.

Counted when somebody asks, over the few connections there are, so that it costs a transfer nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from p2p_node.core.connection import Connection, Phase


class Stance(NamedTuple):
    """Connections that we choke, that choke us, that we are interested in, that are interested in us; blocks requested
    that have not come, and as many as queues should hold, of those who serve us."""

    choking: int
    choked: int
    interested: int
    wanted: int
    pending: int
    depth: int


def stance(connections: Iterable[Connection]) -> Stance:
    """How it is now; connections whose handshake is still to come do not count."""
    known = [each for each in connections if each.phase is Phase.OPEN]
    return Stance(
        choking=sum(each.am_choking for each in known),
        choked=sum(each.peer_choking for each in known),
        interested=sum(each.am_interested for each in known),
        wanted=sum(each.peer_interested for each in known),
        pending=sum(len(each.pending) for each in known),
        depth=sum(each.depth for each in known if each.am_interested and not each.peer_choking),
    )
