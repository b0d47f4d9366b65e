"""A crowd that wants an item, and how it fared: what the swarm model takes and gives.

Constants are the node's own, each named with the place it is taken from; there are none to fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 16
"""Connections that a peer of ours seeks (decision 0051)."""

BLOCK = 16 * 1024
FRAME, REQUESTS_PACKET = 13, 100
"""Bytes before a block, and those of a packet with the requests of two (`p2p_node/core/downloader.py`)."""

HAVE_SHARE = 0.005
"""Of what is uploaded, packets that tell of new pieces are given this much (`p2p_node/core/possessions.py`)."""

OVERHEAD = HAVE_SHARE + FRAME / BLOCK + REQUESTS_PACKET / (2 * BLOCK)
"""Of an uplink's payload, what the protocol takes: 0.9 %."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who wants the item, in arrays of one entry a peer: arrivals in seconds, links in payload bytes per second.

    The origin goes at `server_leaves`; a peer stays for `stays` seconds when it is done.
    """

    size: int
    pieces: int
    server_up: float
    arrival: Floats
    up: Floats
    down: Floats
    server_leaves: float = math.inf
    stays: float = math.inf
    neighbours: int = NEIGHBOURS
    overhead: float = OVERHEAD

    @property
    def count(self) -> int:
        """Peers there are."""
        return len(self.arrival)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a crowd fared: `done` is when each peer had everything, infinite for those that never will."""

    done: Floats
    origin_bytes: float
    delivered_bytes: float
    stuck_at: float | None
    """From when on those present had no full copy between them; None if that never was so while somebody wanted it."""

    @property
    def completed(self) -> int:
        """Peers that have everything."""
        return int(np.isfinite(self.done).sum())

    @property
    def last(self) -> float:
        """When the last was done; infinite if one never was."""
        return float(self.done.max())

    @property
    def verdict(self) -> str:
        """What came of it, in a line."""
        told = f"{self.completed:,} of {len(self.done):,} peers completed"
        return told if self.stuck_at is None else f"{told}: no full copy can exist after t = {self.stuck_at:.4g} s"
