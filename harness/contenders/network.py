"""A network of nodes in place: who lives where and has what, which is the truth that lookups are judged by.

On each host one node lives at a time. Who takes a dead one's place has its items, but another port: nobody mistakes it
for the dead one, and what others remember of that leads nowhere, as in the wild.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from harness.contenders.node_control import Census, Cost, NodesControl
from harness.errors import SwarmbenchError
from harness.labs.base import Host

FIRST_PORT = 6881

CONTACTS = 3
"""Nodes that a new one enters through, as from a list that it finds somewhere."""

FIRST_WAVE = 8
GROWTH = 3
"""Nodes enter in waves, each so many times the last: a network grows, it does not appear."""

JOIN_S = 10.0
"""How long a wave may take to become part of the network."""

POLL_S = 0.05

PROVIDE_EVERY_S = 0.1
PROVIDED_AT_ONCE = 13
"""Items are made known some every tenth of a second, and so within 4 s among 1,024 nodes: all at once would be a load
of their own."""

SETTLE_S = 2.0
"""After that, until the first lookup."""

KNOWN_S = 5.0
"""Whoever has taken a dead node's place for less than this need not be findable yet, and so is not missed."""


@dataclass(slots=True)
class _Life:
    """A node's, on the monotonic clock: from when on it had its items, from when on these are missed where they are not
    found, and until when it lived."""

    name: str
    fleet: NodesControl
    address: str
    born: float
    known: float
    died: float = math.inf

    @property
    def over(self) -> bool:
        """Whether it has died."""
        return self.died < math.inf


class Network:
    """The nodes of one step, over their fleets."""

    def __init__(self, fleets: Sequence[NodesControl], hosts: Sequence[Host], supernodes: int, seed: int) -> None:
        self._fleets = fleets
        self._hosts = hosts
        self._supernodes = supernodes
        self._rng = Random(f"network/{seed}/{len(hosts)}")
        self._lives: list[list[_Life]] = [[] for _ in hosts]
        self._items: list[tuple[bytes, frozenset[int]]] = []
        self._changing = asyncio.Lock()
        """Held by who lets nodes come and go: a killing must not find a place between two lives."""

    async def form(self) -> None:
        """Let a node on every host enter; raises SwarmbenchError when they do not come together."""
        begun, wave = 0, 1
        while begun < len(self._hosts):
            await self._add(range(begun, begun + wave))
            begun += wave
            await self._until_joined()
            wave = min(len(self._hosts) - begun, max(FIRST_WAVE, (GROWTH - 1) * begun))

    async def provide(self, items: Iterable[tuple[bytes, Sequence[int]]]) -> None:
        """Let the nodes at these places have these items, and the network learn of it."""
        self._items = [(key, frozenset(places)) for key, places in items]
        orders = [(key, place) for key, places in self._items for place in sorted(places)]
        self._rng.shuffle(orders)
        for begun in range(0, len(orders), PROVIDED_AT_ONCE):
            due = time.monotonic() + PROVIDE_EVERY_S
            await self._provide(orders[begun : begun + PROVIDED_AT_ONCE])
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        await asyncio.sleep(SETTLE_S)
        for lives in self._lives:
            lives[-1].known = time.monotonic()

    async def replace(self, place: int) -> None:
        """The node at a place dies, and another takes its place; one that was killed before stays without an heir."""
        async with self._changing:
            if self._lives[place][-1].over:
                return
            await self._kill([place])
            await self._add([place])
            await self._provide([(key, place) for key, places in self._items if place in places])

    async def kill(self, places: Iterable[int]) -> None:
        """The nodes at these places die at once, without a goodbye, and for good."""
        async with self._changing:
            await self._kill(places)

    async def _kill(self, places: Iterable[int]) -> None:
        doomed = [life for place in places if not (life := self._lives[place][-1]).over]
        gone = [fleet.remove_nodes([life.name for life in lives], abrupt=True) for fleet, lives in _by_fleet(doomed)]
        for life in doomed:
            life.died = time.monotonic()
        await asyncio.gather(*gone)

    def node(self, place: int, generation: int) -> tuple[str, str]:
        """The name of the node of that generation at a place, and its fleet's control socket."""
        return self._name(place, generation), str(self._fleet(place).socket)

    def replicas(self, item: int, since: float, until: float) -> frozenset[str]:
        """The addresses of those who had an item all the time between, and were known long enough to be found."""
        return self._who(item, lambda life: life.known <= since and life.died >= until)

    def owners(self, item: int, since: float, until: float) -> frozenset[str]:
        """The addresses of those who had an item at some time between: whom it was right to find."""
        return self._who(item, lambda life: life.born <= until and life.died >= since)

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

    def _who(self, item: int, fits: Callable[[_Life], bool]) -> frozenset[str]:
        places = self._items[item][1]
        return frozenset(life.address for place in places for life in self._lives[place] if fits(life))

    async def _add(self, places: Iterable[int]) -> None:
        new = []
        for place in places:
            generation = len(self._lives[place])
            address = f"{self._hosts[place].address}:{FIRST_PORT + generation}"
            born = time.monotonic()
            life = _Life(self._name(place, generation), self._fleet(place), address, born, born + KNOWN_S)
            new.append((place, life))
        specs = {life.name: self._spec(place, life) for place, life in new}
        for place, life in new:
            self._lives[place].append(life)
        added = [
            fleet.add_nodes([specs[life.name] for life in lives]) for fleet, lives in _by_fleet(life for _, life in new)
        ]
        await asyncio.gather(*added)

    def _spec(self, place: int, life: _Life) -> dict[str, Any]:
        role = {"role": "supernode"} if place < self._supernodes else {}
        return {"id": life.name, "address": life.address, "contacts": self._contacts(place), **role}

    def _contacts(self, place: int) -> list[str]:
        """Some who are alive; of a hybrid network, all supernodes that are."""
        alive = [lives[-1].address for lives in self._lives[: self._supernodes or None] if lives and not lives[-1].over]
        return alive if self._supernodes else self._rng.sample(alive, min(CONTACTS, len(alive)))

    async def _provide(self, orders: Sequence[tuple[bytes, int]]) -> None:
        told: dict[int, list[dict[str, str | int]]] = {}
        for key, place in orders:
            life = self._lives[place][-1]
            port = int(life.address.rpartition(":")[2])
            told.setdefault(place % len(self._fleets), []).append({"node": life.name, "key": key.hex(), "port": port})
        await asyncio.gather(*(self._fleets[fleet].provide(items) for fleet, items in told.items()))

    async def _until_joined(self) -> None:
        deadline = time.monotonic() + JOIN_S
        while waiting := sum(await asyncio.gather(*(fleet.waiting() for fleet in self._fleets))):
            if time.monotonic() > deadline:
                raise SwarmbenchError(f"{waiting} nodes are not part of the network after {JOIN_S:.0f} s")
            await asyncio.sleep(POLL_S)

    def _fleet(self, place: int) -> NodesControl:
        return self._fleets[place % len(self._fleets)]

    def _name(self, place: int, generation: int) -> str:
        return f"{self._hosts[place].name}.{generation}"


def _by_fleet(lives: Iterable[_Life]) -> Iterator[tuple[NodesControl, list[_Life]]]:
    groups: dict[NodesControl, list[_Life]] = {}
    for life in lives:
        groups.setdefault(life.fleet, []).append(life)
    yield from groups.items()
