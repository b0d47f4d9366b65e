"""What one peer was asked for and has not answered: runs of a piece's blocks, in the order of asking.

Peers answer in that order, so nearly every answer is found in the first run, and costs the same for one block as for a
hundred.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Run:
    """Blocks of one piece that were asked for together, as a set (see `bits`), and when."""

    piece: int
    blocks: int
    asked_at: float


class Pending:
    """The runs asked of one peer; its length is their blocks' number."""

    __slots__ = ("_count", "_runs")

    def __init__(self) -> None:
        self._runs: deque[Run] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs)

    def __reversed__(self) -> Iterator[Run]:
        return reversed(self._runs)

    @property
    def oldest(self) -> float:
        """When the first of what is pending was asked for; there must be some."""
        return self._runs[0].asked_at

    def add(self, piece: int, blocks: int, now: float) -> None:
        """These blocks, none of them pending, are asked for."""
        self._runs.append(Run(piece, blocks, now))
        self._count += blocks.bit_count()

    def among(self, piece: int, blocks: int) -> int:
        """Those of these blocks that are pending."""
        found = 0
        for run in self._runs:
            if run.piece == piece:
                found |= run.blocks & blocks
                if found == blocks:
                    break
        return found

    def remove(self, piece: int, blocks: int) -> float | None:
        """These blocks, all of them pending, are no longer; returns when the last of them was asked for."""
        asked_at = None
        left = blocks
        for run in self._runs:
            if not left:
                break
            if run.piece == piece and (found := run.blocks & left):
                run.blocks ^= found
                left ^= found
                asked_at = run.asked_at
        self._count -= blocks.bit_count()
        while self._runs and not self._runs[0].blocks:
            self._runs.popleft()
        return asked_at
