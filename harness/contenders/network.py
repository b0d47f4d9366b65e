"""A network of nodes in place, over the fleets that run them: nodes enter, have items, and come and go."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from harness.contenders.node_control import Census, Cost, NodesControl
from harness.contenders.population import JOIN_S, PROVIDE_EVERY_S, SETTLE_S, Life, Population
from harness.errors import SwarmbenchError

POLL_S = 0.05


class Network:
    """The nodes of one step; a place's nodes are all of one fleet. Times are those of the monotonic clock."""

    def __init__(self, fleets: Sequence[NodesControl], population: Population) -> None:
        self.population = population
        self._fleets = fleets
        self._changing = asyncio.Lock()
        """Held by who lets nodes come and go: a killing must not find a place between two lives."""

    async def form(self) -> None:
        """Let a node on every host enter; raises SwarmbenchError when they do not come together."""
        for wave in self.population.waves():
            await self._add(wave)
            await self._until_joined()

    async def provide(self, items: Iterable[tuple[bytes, Sequence[int]]]) -> None:
        """Let the nodes at these places have these items, and the network learn of it."""
        for orders in self.population.give(items):
            due = time.monotonic() + PROVIDE_EVERY_S
            await self._provide(orders)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.sleep(SETTLE_S)
        self.population.settle(time.monotonic())

    async def replace(self, place: int) -> None:
        """The node at a place dies, and another takes its place; one that was killed before stays without an heir."""
        async with self._changing:
            if not self.population.alive([place]):
                return
            await self._kill([place])
            [heir] = await self._add([place])
            await self._provide([(key, heir) for key in self.population.items(place)])

    async def kill(self, places: Iterable[int]) -> None:
        """The nodes at these places die at once, without a goodbye, and for good."""
        async with self._changing:
            await self._kill(places)

    def node(self, place: int, generation: int) -> tuple[str, str]:
        """The name of the node of that generation at a place, and its fleet's control socket."""
        return self.population.name(place, generation), str(self._fleet(place).socket)

    async def census(self) -> list[Census]:
        """The figures of every node that lives."""
        told = await asyncio.gather(*(fleet.census() for fleet in self._fleets))
        return [census for fleet in told for census in fleet]

    async def costs(self) -> Mapping[str, Cost]:
        """What all nodes together sent for each lookup."""
        total: dict[str, Cost] = {}
        for costs in await asyncio.gather(*(fleet.costs() for fleet in self._fleets)):
            for lookup, (messages, size) in costs.items():
                total[lookup] = total.get(lookup, Cost()).plus(messages, size)
        return total

    async def _kill(self, places: Iterable[int]) -> None:
        doomed = self.population.alive(places)
        gone = [
            fleet.remove_nodes([life.name for life in lives], abrupt=True) for fleet, lives in self._by_fleet(doomed)
        ]
        for life in doomed:
            life.died = time.monotonic()
        await asyncio.gather(*gone)

    async def _add(self, places: Iterable[int]) -> list[Life]:
        born = self.population.bear(places, time.monotonic())
        added = [fleet.add_nodes([self._spec(life) for life in lives]) for fleet, lives in self._by_fleet(born)]
        await asyncio.gather(*added)
        return born

    def _spec(self, life: Life) -> dict[str, Any]:
        role = {"role": "supernode"} if self.population.is_supernode(life.place) else {}
        contacts = [f"{host}:{port}" for host, port in life.contacts]
        return {"id": life.name, "address": life.address, "contacts": contacts, **role}

    async def _provide(self, orders: Sequence[tuple[bytes, Life]]) -> None:
        told: dict[int, list[dict[str, str | int]]] = {}
        for key, life in orders:
            order: dict[str, str | int] = {"node": life.name, "key": key.hex(), "port": life.port}
            told.setdefault(life.place % len(self._fleets), []).append(order)
        await asyncio.gather(*(self._fleets[fleet].provide(items) for fleet, items in told.items()))

    async def _until_joined(self) -> None:
        deadline = time.monotonic() + JOIN_S
        while waiting := sum(await asyncio.gather(*(fleet.waiting() for fleet in self._fleets))):
            if time.monotonic() > deadline:
                raise SwarmbenchError(f"{waiting} nodes are not part of the network after {JOIN_S:.0f} s")
            await asyncio.sleep(POLL_S)

    def _by_fleet(self, lives: Iterable[Life]) -> Iterator[tuple[NodesControl, list[Life]]]:
        groups: dict[NodesControl, list[Life]] = {}
        for life in lives:
            groups.setdefault(self._fleet(life.place), []).append(life)
        yield from groups.items()

    def _fleet(self, place: int) -> NodesControl:
        return self._fleets[place % len(self._fleets)]
