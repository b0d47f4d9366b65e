"""Resuming: what a peer that crashed finds on its disk, taken in by the node's own storage and record.

The disk is a real file: right pieces are zeros, as the simulated payload is, and everything else is not.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random

from p2p_node.core import bits
from p2p_node.shell.resume import ResumeRecord
from p2p_node.shell.storage import Storage
from p2p_node.wire.metainfo import Metainfo

_SECOND = 1_000_000_000


def resume(metainfo: Metainfo, written: int, rng: Random) -> tuple[int, int]:
    """The pieces that a peer goes on with, and those that are really right on its disk, after it wrote these pieces.

    Some were written after the last record; and at times something else wrote over a few while the peer was down.
    """
    pieces = list(bits.members(written))
    recorded = pieces[: rng.randint(0, len(pieces))] if rng.random() < 0.5 else pieces
    spoilt = set(rng.sample(pieces, rng.randint(0, len(pieces)))) if rng.random() < 0.5 else set()
    with tempfile.TemporaryDirectory(prefix="resuming-") as directory:
        path = Path(directory) / "item"
        path.write_bytes(b"\xff" * metainfo.length)
        storage = Storage(metainfo, path, writable=True)
        for piece in recorded:
            storage.files.write(metainfo.offset(piece), memoryview(bytes(metainfo.piece_size(piece))))
        os.utime(path, ns=(_SECOND, _SECOND))
        ResumeRecord(metainfo, storage).write(_set(recorded))
        for piece in pieces[len(recorded) :]:
            storage.files.write(metainfo.offset(piece), memoryview(bytes(metainfo.piece_size(piece))))
        for piece in spoilt:
            storage.files.write(metainfo.offset(piece) + metainfo.piece_size(piece) - 1, memoryview(b"\xff"))
        if spoilt or len(recorded) < len(pieces):
            os.utime(path, ns=(2 * _SECOND, 2 * _SECOND))
        storage.close()
        again = Storage(metainfo, path, writable=True)
        have = again.check(ResumeRecord(metainfo, again).read())
        again.close()
    return have, written & ~_set(spoilt)


def _set(pieces: list[int] | set[int]) -> int:
    return sum(1 << piece for piece in pieces)
