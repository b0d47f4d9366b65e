"""Who is there at which round, and the mesh among them."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from harness.analysis.models.crowd import Crowd
from harness.analysis.models.mesh import Matching, mesh
from harness.analysis.models.pieces import Indices

STALE = 1 / 8
"""The mesh is drawn anew when this share of its members has come or gone since: peers replace neighbours they lose."""


class Presence:
    """Arrivals and departures, in rounds of `dt` seconds."""

    def __init__(self, crowd: Crowd, dt: float, rng: np.random.Generator) -> None:
        self._crowd, self._rng = crowd, rng
        self._order = np.argsort(crowd.arrival, kind="stable")
        self._due = np.ceil(crowd.arrival[self._order] / dt).astype(np.int64)
        """Rounds in which they come: none has a part of a round."""
        self._come = 0
        self._stays = math.inf if math.isinf(crowd.stays) else math.ceil(crowd.stays / dt)
        self._leaving: dict[int, Indices] = {}
        self._changed = 0
        self.there: npt.NDArray[np.bool_] = np.zeros(crowd.count, np.bool_)
        self.mesh: list[Matching] = []

    @property
    def next_arrival(self) -> int | None:
        """The round in which the next peer comes; None after the last."""
        return int(self._due[self._come]) if self._come < len(self._due) else None

    def finished(self, peers: Indices, number: int) -> None:
        """These are done in this round, and leave when they have stayed long enough."""
        if not math.isinf(self._stays):
            self._leaving[number + int(self._stays)] = peers

    def advance(self, number: int) -> tuple[Indices, int, bool]:
        """Go on to a round; returns who came, how many left, and whether all have other neighbours now."""
        until = int(np.searchsorted(self._due, number, side="right"))
        newcomers = self._order[self._come : until]
        self._come = until
        self.there[newcomers] = True
        gone = [self._leaving.pop(due) for due in [due for due in self._leaving if due <= number]]
        for leavers in gone:
            self.there[leavers] = False
        left = sum(map(len, gone))
        self._changed += len(newcomers) + left
        stale = self._changed > 0 and self._changed >= STALE * int(np.count_nonzero(self.there))
        if stale:
            self.mesh = mesh(np.flatnonzero(self.there), self._crowd.count, self._crowd.neighbours, self._rng)
            self._changed = 0
        return newcomers, left, stale
