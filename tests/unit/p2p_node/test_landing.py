"""Runs are received in the memory of their piece, and never into bytes that somebody else's copy was taken for."""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

import pytest

from p2p_node.shell.landing import Landing
from p2p_node.shell.storage import Storage
from p2p_node.wire.messages import BLOCK
from tests.network import make_torrent

PIECE = 16 * BLOCK
CONTENT = Random(5).randbytes(2 * PIECE)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(make_torrent(CONTENT, PIECE, ()), tmp_path / "item", writable=True)


def land(storage: Storage, piece: int, begin: int, size: int) -> Landing:
    landing = storage.land(piece, begin, size)
    assert landing is not None
    return landing


def receive(landing: Landing, data: bytes) -> None:
    """As a socket would."""
    landing.rest[: len(data)] = data
    landing.filled += len(data)


def complete(storage: Storage, landing: Landing) -> None:
    """It is whole, and the core has it stored."""
    storage.landed(landing)
    storage.store(landing.piece, landing.begin, [landing.memory])


def test_a_piece_of_landed_runs_is_right(storage: Storage) -> None:
    """Begun with what was received before it was known to be a run."""
    for begin in (PIECE // 2, 0):
        landing = land(storage, 1, begin, PIECE // 2)
        whole = CONTENT[PIECE + begin :][: PIECE // 2]
        landing.put(memoryview(whole)[:1000])
        receive(landing, whole[1000:5000])
        assert not landing.whole
        receive(landing, whole[5000:])
        assert landing.whole
        complete(storage, landing)
    assert storage.finish(1)
    assert hashlib.sha1(storage.files.read(PIECE, PIECE)).digest() == hashlib.sha1(CONTENT[PIECE:]).digest()


def test_another_copy_diverts_a_landing(storage: Storage) -> None:
    """What a liar goes on to send no longer touches the piece, which is hashed and written meanwhile."""
    landing = land(storage, 0, 0, PIECE)
    receive(landing, bytes(BLOCK + 1))
    storage.store(0, 0, [CONTENT[at : at + BLOCK] for at in range(0, PIECE, BLOCK)])
    receive(landing, bytes(PIECE - BLOCK - 1))
    assert landing.whole and bytes(landing.memory) == bytes(PIECE)
    storage.landed(landing)
    assert storage.finish(0)


def test_a_copy_of_one_block_diverts_it_too(storage: Storage) -> None:
    """What was received before goes along, and the other blocks are then copied from there."""
    landing = land(storage, 0, 0, PIECE)
    receive(landing, CONTENT[: 2 * BLOCK])
    storage.store(0, 3 * BLOCK, [CONTENT[3 * BLOCK : 4 * BLOCK]])
    receive(landing, CONTENT[2 * BLOCK : PIECE])
    storage.landed(landing)
    for block in set(range(PIECE // BLOCK)) - {3}:
        storage.store(0, block * BLOCK, [landing.memory[block * BLOCK : (block + 1) * BLOCK]])
    assert storage.finish(0)


def test_neighbours_do_not_divert_a_landing(storage: Storage) -> None:
    """Several peers fill one piece at once."""
    first, second = land(storage, 0, 0, 4 * BLOCK), land(storage, 0, 4 * BLOCK, 4 * BLOCK)
    storage.store(0, 8 * BLOCK, [CONTENT[8 * BLOCK : PIECE]])
    for landing in (second, first):
        receive(landing, CONTENT[landing.begin : landing.begin + 4 * BLOCK])
        complete(storage, landing)
    assert storage.finish(0)


def test_a_piece_given_up_diverts_its_landings(storage: Storage) -> None:
    """Its memory is the next piece's."""
    landing = land(storage, 0, 0, PIECE)
    receive(landing, b"x")
    storage.discard(0)
    storage.store(1, 0, [CONTENT[PIECE:]])
    receive(landing, bytes(PIECE - 1))
    assert storage.finish(1)


def test_what_is_coming_already_does_not_land_twice(storage: Storage) -> None:
    """In the end game two peers may be asked for one block; the second copy is received as ever."""
    landing = land(storage, 0, 0, 8 * BLOCK)
    assert storage.land(0, 7 * BLOCK, 8 * BLOCK) is None
    storage.landed(landing)
    assert storage.land(0, 7 * BLOCK, 8 * BLOCK) is not None
