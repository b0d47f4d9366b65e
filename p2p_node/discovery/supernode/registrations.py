"""What a leaf has registered with its supernode, and what is to be registered next.

The rule: renewing is the leaf's sign of life. Every SIGN_S or so it renews the registration that is oldest, and so
notices soon when its supernode is gone, or has forgotten everything; who provides nothing has nothing to lose and
rests.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from random import Random

from p2p_node.discovery.base import Key
from p2p_node.wire.address import Address

SIGN_S = 3.5
"""The longest between two signs. Half of the supernodes may die at once, and all their leaves are to be found again
within five seconds: after this wait, half a second of silence, a quarter for each wave of others that are dead as well,
and another until all supernodes have heard the news."""

JITTER = 0.2
"""Share by which a wait is shortened at random, lest all leaves keep time with each other."""

RENEWALS = 2
"""How often each is renewed, at least, in the interval that the supernode asks for: it forgets after 2.5 of them at the
soonest."""


class Registrations:
    """Those of one leaf; `timer` is when one is to be sent."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._ports: dict[Key, int] = {}
        self._unknown: OrderedDict[Key, None] = OrderedDict()
        """Those that the supernode is still to be told of."""
        self._known: OrderedDict[Key, None] = OrderedDict()
        """Those that it acknowledged, longest ago first; while one is being renewed it is in neither."""
        self._sign_at = math.inf
        self._supernode: Address | None = None
        """Whom they are registered with, as far as they are."""

    def __len__(self) -> int:
        return len(self._ports)

    @property
    def timer(self) -> float:
        """When `take_due` has one."""
        return -math.inf if self._unknown else self._sign_at if self._known else math.inf

    @property
    def known(self) -> tuple[Key, ...]:
        """Those that the supernode knows."""
        return tuple(self._known)

    def port(self, key: Key) -> int:
        """Where this host has the item; 0 when it has it not."""
        return self._ports.get(key, 0)

    def knows(self, key: Key) -> bool:
        """Whether the supernode was told of this one, and acknowledged it."""
        return key in self._known

    def add(self, key: Key, port: int) -> None:
        """This is to be registered."""
        self._ports[key] = port
        self.missed(key)

    def remove(self, key: Key) -> None:
        """This no longer."""
        for table in (self._ports, self._unknown, self._known):
            table.pop(key, None)

    def take_due(self, now: float) -> Key | None:
        """One to be sent now; `acknowledged` or `missed` says what came of it."""
        if self._unknown:
            return self._unknown.popitem(last=False)[0]
        if self._known and now >= self._sign_at:
            self._sign_at = math.inf
            return self._known.popitem(last=False)[0]
        return None

    def acknowledged(self, key: Key, interval: float, now: float) -> None:
        """The supernode knows it, and wants to hear of it again after this many seconds."""
        if key in self._ports:
            self._unknown.pop(key, None)
            self._known[key] = None
            self._known.move_to_end(key)
            wait = min(SIGN_S, interval / (RENEWALS * len(self._ports)))
            self._sign_at = now + wait * self._rng.uniform(1 - JITTER, 1)

    def missed(self, key: Key) -> None:
        """Nobody answered: send it again."""
        if key in self._ports:
            self._known.pop(key, None)
            self._unknown[key] = None

    def move(self, supernode: Address) -> None:
        """They are to be registered here: all anew, unless they were here before."""
        if supernode != self._supernode:
            self.forgotten()
            self._supernode = supernode

    def forgotten(self) -> None:
        """The supernode knows of none."""
        self._known.clear()
        self._unknown = OrderedDict.fromkeys(self._ports)
