"""What the origin costs, against arithmetic, and the crossover against the bounds themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis import bounds
from harness.analysis.models import cost

SIZE = 10**6


def test_traffic_is_sold_by_the_gigabyte():
    """A thousand copies of a gigabyte at 5 cents are 50 euros."""
    assert cost.price(1000 * 10**9, 0.05) == pytest.approx(50)


def test_servers_for_a_target():
    """100 MB in 10 s are 10 MB/s, five servers of 2; peers of 0.09 MB/s each bring 9 of these, which leaves one."""
    assert cost.servers(100, SIZE, 10, server_up=2e6, up=0, down=1e6) == 5
    assert cost.servers(100, SIZE, 10, server_up=2e6, up=0.09e6, down=1e6) == 1
    assert cost.servers(100, SIZE, 10, server_up=2e6, up=9e6, down=1e6) == 1
    assert cost.servers(100, SIZE, 0.5, server_up=2e6, up=0, down=1e6) is None


def test_nobody_overtakes_without_uplinks():
    """A swarm of peers that give nothing is a server with a protocol."""
    assert cost.crossover(server_up=5e6, up=0, down=4e6) is None


@given(
    server_up=st.floats(1e5, 1e8),
    up=st.floats(1e5, 1e7),
    down=st.floats(1e5, 1e8),
    efficiency=st.floats(0.3, 1),
)
def test_the_crossover_is_where_the_bounds_cross(server_up, up, down, efficiency):
    """At N* the swarm's bound divided by its efficiency is below the server's, at N* − 1 it is not."""
    crossover = cost.crossover(server_up=server_up, up=up, down=down, efficiency=efficiency)
    if crossover > 2000:
        return

    def ahead(count: int) -> bool:
        peers = [bounds.Peer(0, up, down)] * count
        swarm = bounds.peer_to_peer(SIZE, peers, server_up=server_up) / efficiency
        return swarm < bounds.client_server(SIZE, peers, server_up=server_up) * (1 - 1e-9)

    assert ahead(crossover + 1)
    assert crossover < 3 or not ahead(crossover - 1)
