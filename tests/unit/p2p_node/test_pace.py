"""Who falls behind its peers looks for more of them, and nobody else does."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from p2p_node.boundary import Dial, Verify
from p2p_node.core.company import COMPANY, FORMING_S
from p2p_node.core.connection import Connection
from p2p_node.core.pace import AHEAD, BEGUN, QUARTER, falls_behind
from p2p_node.core.swarm import SwarmSettings
from p2p_node.wire import messages as wire
from p2p_node.wire.messages import BLOCK
from tests.scripted import ScriptedPeers

PIECES = 500
CONTENT = Random(1).randbytes(PIECES * BLOCK)
ENOUGH = SwarmSettings().enough_connections


def peers(counts: Sequence[int], had: int = 0) -> list[Connection]:
    """Connections to peers that have so many pieces, and had some when they came."""
    made = [Connection(number, (f"10.0.1.{number}", 6881), True, 0.0) for number in range(len(counts))]
    for peer, count in zip(made, counts, strict=True):
        peer.have, peer.had = (1 << count) - 1, had
    return made


def dials(others_have: int) -> int:
    """How many more peers a node with enough of them dials once it has an eighth of all pieces, and they so many."""
    bench = ScriptedPeers(CONTENT)
    for connection in range(1, ENOUGH + 1):
        bench.connect(connection, f"10.0.1.{connection}")
        bench.say(connection, wire.HaveNone())
    bench.say(1, *(wire.Have(piece) for piece in range(PIECES // 8)), wire.Unchoke())
    for connection in range(2, ENOUGH + 1):
        bench.say(connection, *(wire.Have(piece) for piece in range(others_have)))
    bench.live(2 * FORMING_S)
    bench.node.learn([(f"10.0.2.{number}", 6881) for number in range(1, 100)], bench.now)
    bench.live(bench.now + 1.0)
    bench.node.dial_failed(bench.take(Dial)[0].address, bench.now)  # the first address is always tried
    for piece in range(PIECES // 8):
        bench.say(1, wire.Piece(piece, 0, CONTENT[piece * BLOCK : (piece + 1) * BLOCK]))
        for verify in bench.take(Verify):
            bench.node.piece_verified(verify.piece, True, bench.now)
    bench.live(bench.now + 0.1)  # no longer: its peers have nothing more for it
    return len(bench.take(Dial))


def test_who_falls_behind_dials_more() -> None:
    """Its peers have got twice as much meanwhile: it is connected to too few of the fast."""
    assert ENOUGH // 2 < dials(PIECES // 4) <= COMPANY * ENOUGH


def test_who_keeps_up_does_not() -> None:
    """However far the download is."""
    assert dials(PIECES // 8) == 0


def test_a_quarter_must_be_ahead() -> None:
    """One fast peer, or those that lack nothing, say nothing about what others get."""
    got, ahead = 2 * BEGUN, 3 * BEGUN
    behind = [got] * 12
    assert falls_behind(got, PIECES, peers([ahead] * 5 + behind))
    assert not falls_behind(got, PIECES, peers([ahead] * 3 + behind))
    assert not falls_behind(got, PIECES, peers([PIECES] * 8 + behind))
    assert not falls_behind(got, PIECES, peers([ahead] * (QUARTER - 1)))
    assert not falls_behind(got, PIECES, peers([int(got * AHEAD)] * 16))


def test_nobody_is_behind_at_the_beginning() -> None:
    """With few pieces chance decides who has more."""
    assert falls_behind(BEGUN, PIECES, peers([2 * BEGUN] * 16))
    assert not falls_behind(BEGUN - 1, PIECES, peers([2 * BEGUN] * 16))


def test_who_comes_late_is_not_behind() -> None:
    """Its peers had much when it met them, and would not be better company if they were more."""
    assert not falls_behind(2 * BEGUN, PIECES, peers([4 * BEGUN] * 16, had=BEGUN))
