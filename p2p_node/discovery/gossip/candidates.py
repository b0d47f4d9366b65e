"""Nodes that are said to have what one lookup seeks, until they say so themselves: who is asked, and when.

The rule: what one neighbour told is asked after beside what the others told, a bounded number at once. So lies keep
those waiting who came by the same neighbour, and not for long; nobody is asked more than MAX_ASKED times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAX_SIGHTINGS

ASK_S = 0.1
"""Time for an answer until somebody else is asked; one that takes longer counts as well. Ten times a fast round trip,
and with PARALLEL all that there can be behind a neighbour were asked after half a second."""

PARALLEL = MAX_SIGHTINGS
"""Nodes told of by one neighbour that are asked at once: one hit's worth."""

MAX_ASKED = 2
"""How often a node is asked: a datagram may be lost."""


@dataclass(slots=True)
class Candidate:
    """A node, so many hops from here, and the neighbour that told of it."""

    node: Address
    hops: int
    voice: Address
    asked: int = 0


@dataclass(slots=True)
class _Branch:
    """Whom one neighbour told of: who was not asked yet, who was and is to be again, and until when answers are
    awaited."""

    fresh: list[Address] = field(default_factory=list)
    late: list[Address] = field(default_factory=list)
    awaited: dict[Address, float] = field(default_factory=dict)


class Candidates:
    """Those of one lookup."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._silent: dict[Address, Candidate] = {}
        self._branches: dict[Address, _Branch] = {}

    @property
    def due(self) -> float:
        """When somebody may have to be asked; infinite where no answer is awaited, as all were asked."""
        return min((until for branch in self._branches.values() for until in branch.awaited.values()), default=math.inf)

    def add(self, candidate: Candidate) -> None:
        """A neighbour told of somebody new."""
        self._silent[candidate.node] = candidate
        self._branches.setdefault(candidate.voice, _Branch()).fresh.append(candidate.node)

    def confirm(self, node: Address) -> Candidate | None:
        """Somebody says so; None where nobody told of it, or it said so before."""
        candidate = self._silent.pop(node, None)
        if candidate is not None:
            self._branches[candidate.voice].awaited.pop(node, None)
        return candidate

    def to_ask(self, now: float) -> list[Address]:
        """Whom to ask now."""
        chosen: list[Address] = []
        for branch in self._branches.values():
            for node in [node for node, until in branch.awaited.items() if until <= now]:
                del branch.awaited[node]
                if self._silent[node].asked < MAX_ASKED:
                    branch.late.append(node)
            while len(branch.awaited) < PARALLEL and (branch.fresh or branch.late):
                candidate = self._silent.get(self._next(branch))
                if candidate is not None:
                    candidate.asked += 1
                    branch.awaited[candidate.node] = now + ASK_S
                    chosen.append(candidate.node)
        return chosen

    def _next(self, branch: _Branch) -> Address:
        """At random, lest who tells of many decides who comes last."""
        waiting = branch.fresh or branch.late
        at = self._rng.randrange(len(waiting))
        waiting[at], waiting[-1] = waiting[-1], waiting[at]
        return waiting.pop()
