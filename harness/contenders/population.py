"""Who lives where in a network and has what: the truth that lookups are judged by.

On each host, a *place*, one node lives at a time. Who takes a dead one's place has its items, but another port: nobody
mistakes it for the dead one, and what others remember of that leads nowhere, as in the wild.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from harness.labs.base import Host

FIRST_PORT = 6881

CONTACTS = 3
"""Nodes that a new one enters through, as from a list that it finds somewhere."""

FIRST_WAVE = 8
GROWTH = 3
"""Nodes enter in waves, each so many times the last: a network grows, it does not appear."""

JOIN_S = 10.0
"""How long a wave may take to become part of the network."""

PROVIDE_EVERY_S = 0.1
PROVIDED_AT_ONCE = 13
"""Items are made known some every tenth of a second, and so within 4 s among 1,024 nodes: all at once would be a load
of their own."""

SETTLE_S = 2.0
"""After that, until the first lookup."""

KNOWN_S = 5.0
"""Whoever has taken a dead node's place for less than this need not be findable yet, and so is not missed."""


@dataclass(slots=True)
class Life:
    """A node's: where it lives, through whom it enters, from when on it had its items, from when on these are missed
    where they are not found, and until when it lived. Times are seconds of one clock."""

    place: int
    name: str
    host: str
    port: int
    contacts: Sequence[tuple[str, int]]
    born: float
    known: float
    died: float = math.inf

    @property
    def address(self) -> str:
        """As it is told."""
        return f"{self.host}:{self.port}"

    @property
    def over(self) -> bool:
        """Whether it has died."""
        return self.died < math.inf


class Population:
    """The nodes of one step, of which the first `supernodes` places have supernodes."""

    def __init__(self, hosts: Sequence[Host], supernodes: int, seed: int) -> None:
        self._hosts = hosts
        self._supernodes = supernodes
        self._rng = Random(f"network/{seed}/{len(hosts)}")
        self._lives: list[list[Life]] = [[] for _ in hosts]
        self._items: list[tuple[bytes, frozenset[int]]] = []

    def waves(self) -> Iterator[range]:
        """The places that are filled at once, one wave after the other."""
        begun, wave = 0, 1
        while begun < len(self._hosts):
            yield range(begun, begun + wave)
            begun += wave
            wave = min(len(self._hosts) - begun, max(FIRST_WAVE, (GROWTH - 1) * begun))

    def is_supernode(self, place: int) -> bool:
        """Whether the node there is chosen to be one."""
        return place < self._supernodes

    def name(self, place: int, generation: int) -> str:
        """Of the node of that generation at a place."""
        return f"{self._hosts[place].name}.{generation}"

    def bear(self, places: Iterable[int], now: float) -> list[Life]:
        """New nodes at these places, all at once."""
        born = []
        for place in places:
            generation = len(self._lives[place])
            name, host = self.name(place, generation), self._hosts[place].address
            born.append(Life(place, name, host, FIRST_PORT + generation, self._contacts(), now, now + KNOWN_S))
        for life in born:
            self._lives[life.place].append(life)
        return born

    def alive(self, places: Iterable[int]) -> list[Life]:
        """Those at these places who live."""
        return [life for place in places if not (life := self._lives[place][-1]).over]

    def give(self, items: Iterable[tuple[bytes, Sequence[int]]]) -> Iterator[list[tuple[bytes, Life]]]:
        """Whoever lives at these places has these items from now on; returns who is to make what known, some at a
        time."""
        self._items = [(key, frozenset(places)) for key, places in items]
        orders = [(key, self._lives[place][-1]) for key, places in self._items for place in sorted(places)]
        self._rng.shuffle(orders)
        return (orders[begun : begun + PROVIDED_AT_ONCE] for begun in range(0, len(orders), PROVIDED_AT_ONCE))

    def items(self, place: int) -> list[bytes]:
        """The keys of what the nodes there have."""
        return [key for key, places in self._items if place in places]

    def settle(self, now: float) -> None:
        """From now on everybody's items are missed where they are not found."""
        for lives in self._lives:
            lives[-1].known = now

    def replicas(self, item: int, since: float, until: float) -> frozenset[str]:
        """The addresses of those who had an item all the time between, and were known long enough to be found."""
        return self._who(item, lambda life: life.known <= since and life.died >= until)

    def owners(self, item: int, since: float, until: float) -> frozenset[str]:
        """The addresses of those who had an item at some time between: whom it was right to find."""
        return self._who(item, lambda life: life.born <= until and life.died >= since)

    def _who(self, item: int, fits: Callable[[Life], bool]) -> frozenset[str]:
        places = self._items[item][1]
        return frozenset(life.address for place in places for life in self._lives[place] if fits(life))

    def _contacts(self) -> list[tuple[str, int]]:
        """Some who are alive; of a hybrid network, all supernodes that are."""
        among = self._lives[: self._supernodes or None]
        alive = [(lives[-1].host, lives[-1].port) for lives in among if lives and not lives[-1].over]
        return alive if self._supernodes else self._rng.sample(alive, min(CONTACTS, len(alive)))
