"""The fleets that host peers, and the client of their control API, against a fleet after a script."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from fleet import scripted_fleet
from hypothesis import given
from hypothesis import strategies as st

from harness.contenders.control import FleetControl
from harness.contenders.fleets import FLEETS_PER_CORE, PEERS_PER_FLEET, fleet_count
from harness.errors import SwarmbenchError


@given(st.integers(1, 10_000), st.integers(1, 256))
def test_fleets_are_neither_overfull_nor_empty(peers, cores):
    """At most 32 peers a process while the cores suffice for so many processes; two from two peers on."""
    count = fleet_count(peers, cores)
    assert min(2, peers) <= count <= min(peers, max(2, FLEETS_PER_CORE * cores))
    assert count * PEERS_PER_FLEET >= peers or count == FLEETS_PER_CORE * cores


def test_peers_are_added_and_removed():
    """The port comes back; a second peer of the same name, or removing a stranger, is an error in the fleet's words."""

    async def go(socket):
        async with scripted_fleet(socket), FleetControl(socket) as control:
            assert await control.healthy()
            assert await control.add_peer({"id": "a"}) == 7000
            with pytest.raises(SwarmbenchError, match="POST /peers: there is a peer a already"):
                await control.add_peer({"id": "a"})
            await control.remove_peer("a", abrupt=True)
            with pytest.raises(SwarmbenchError, match="no such peer"):
                await control.remove_peer("a")

    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        asyncio.run(go(Path(directory) / "fleet.sock"))


def test_a_fleet_that_is_not_there_is_unhealthy_and_an_error():
    """In one line that names it."""

    async def go():
        async with FleetControl(Path("/tmp/no-such-fleet.sock")) as control:
            assert not await control.healthy()
            with pytest.raises(SwarmbenchError, match=r"fleet no-such-fleet\.sock: POST /peers: "):
                await control.add_peer({"id": "a"})

    asyncio.run(go())
