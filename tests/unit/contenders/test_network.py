"""A network over two real fleets: who lives where, what is true of it at any moment, and what a killing leaves."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from harness.contenders import network as networks
from harness.contenders.network import Network
from harness.contenders.node_control import NodesControl
from harness.contenders.population import KNOWN_S, Population
from harness.errors import SwarmbenchError
from harness.labs.base import Host
from p2p_node.shell.overlay_fleet import OverlayFleet

NODES = 12
KEY = b"k" * 20
ITEMS = [(KEY, (3, 5)), (b"l" * 20, (5,))]

Story = Callable[[Network], Awaitable[None]]


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch):
    """Nobody waits for a load here that is to settle."""
    monkeypatch.setattr(networks, "SETTLE_S", 0.0)


@asynccontextmanager
async def fleet(directory: Path, family: str, number: int) -> AsyncIterator[NodesControl]:
    runner = web.AppRunner(OverlayFleet(family).application(), access_log=None)
    await runner.setup()
    try:
        socket = directory / f"nodes-{number}.sock"
        await web.UnixSite(runner, str(socket)).start()
        async with NodesControl(socket) as control:
            yield control
    finally:
        await runner.cleanup()


def play(story: Story, *, family: str = "dht", supernodes: int = 0, formed: bool = True) -> None:
    """Act the story out on a network that has formed, and has its items."""

    async def go() -> None:
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
            fleets = [await stack.enter_async_context(fleet(directory, family, number)) for number in range(2)]
            hosts = [Host(f"peer-{number:03}", f"127.0.9.{number + 1}", 1e9, 1e9) for number in range(NODES)]
            network = Network(fleets, Population(hosts, supernodes, seed=1))
            if formed:
                await network.form()
                await network.provide(ITEMS)
            await story(network)

    asyncio.run(go())


def now() -> float:
    return asyncio.get_running_loop().time()


async def names(network: Network) -> set[str]:
    return {census.id for census in await network.census()}


@pytest.mark.parametrize(("family", "supernodes"), [("dht", 0), ("gossip", 0), ("supernode", 3)])
def test_a_node_lives_on_every_host(family, supernodes):
    """All of them part of the network, under the names that lookups are asked by."""

    async def story(network: Network) -> None:
        told = await network.census()
        assert {census.id for census in told} == {network.node(place, 0)[0] for place in range(NODES)}
        assert all(census.joined and census.neighbours for census in told)
        assert {Path(network.node(place, 0)[1]).name for place in range(NODES)} == {"nodes-0.sock", "nodes-1.sock"}

    play(story, family=family, supernodes=supernodes)


def test_nodes_that_cannot_come_together_are_an_error(monkeypatch):
    """With how many and for how long, rather than lookups that cannot succeed."""
    monkeypatch.setattr(networks, "JOIN_S", 0.2)
    monkeypatch.setattr(Population, "_contacts", lambda _: [("127.0.9.200", 9)])

    async def story(network: Network) -> None:
        with pytest.raises(SwarmbenchError, match=r"\d+ nodes are not part of the network after"):
            await network.form()

    play(story, formed=False)


def test_who_has_an_item_is_true_from_the_start_to_the_end_of_a_life():
    """A dead owner was right to find until it died; who takes its place has the item, on another port, and is missed
    only when it has been known for a while."""

    async def story(network: Network) -> None:
        old, other, new = "127.0.9.4:6881", "127.0.9.6:6881", "127.0.9.4:6882"
        start = now()
        assert network.population.owners(0, start, start) == {old, other}
        assert network.population.owners(1, start, start) == {other}
        await network.replace(3)
        end = now()
        assert network.population.owners(0, start, start) == {old, other}
        assert network.population.owners(0, start, end) == {old, other, new}
        assert network.population.owners(0, end, end) == {other, new}
        assert network.population.replicas(0, start, start) == {old, other}
        assert network.population.replicas(0, start, end) == network.population.replicas(0, end, end) == {other}
        assert network.population.replicas(0, end + KNOWN_S, end + KNOWN_S) == {other, new}
        assert await names(network) == {network.node(place, int(place == 3))[0] for place in range(NODES)}

    play(story)


def test_the_killed_have_no_heir():
    """Whoever was to leave later is not replaced, and cannot die again."""

    async def story(network: Network) -> None:
        await network.kill([3, 4])
        await network.replace(3)
        await network.kill([3, 4, 5])
        assert await names(network) == {network.node(place, 0)[0] for place in range(NODES) if place not in (3, 4, 5)}
        assert network.population.owners(0, now(), now()) == frozenset()

    play(story)


def test_a_killing_amid_churn_spares_nobody():
    """It waits until whoever is being replaced is there, and takes the newcomer."""

    async def story(network: Network) -> None:
        coming = [asyncio.create_task(network.replace(place)) for place in (3, 4)]
        await asyncio.sleep(0)
        await network.kill([3, 4])
        await asyncio.gather(*coming)
        assert len(await names(network)) == NODES - 2

    play(story)


def test_who_comes_after_a_killing_enters_through_the_living():
    """Whatever share is dead."""

    async def story(network: Network) -> None:
        await network.kill(range(2, NODES - 1))
        await network.replace(NODES - 1)
        joined = []
        for _ in range(250):
            if len(joined := [census.id for census in await network.census() if census.joined]) == 3:
                break
            await asyncio.sleep(0.02)
        assert set(joined) == {network.node(0, 0)[0], network.node(1, 0)[0], network.node(NODES - 1, 1)[0]}

    play(story)
