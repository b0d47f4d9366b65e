"""When a peer that was asked keeps us waiting for too long: beside others that do not, soon; where all do, later."""

from __future__ import annotations

from random import Random

from p2p_node.boundary import Send, Verify
from p2p_node.core.choker import RECHOKE_S
from p2p_node.core.downloader import SLOWEST_S, SNUBBED_S
from p2p_node.wire import messages as wire
from p2p_node.wire.messages import BLOCK
from tests.scripted import ScriptedPeers

PIECES = 200
CONTENT = Random(1).randbytes(PIECES * BLOCK)
PEERS = range(1, 6)
SILENT = PEERS[-1]


class Asked(ScriptedPeers):
    """A node whose peers all have everything, and were asked for some of it."""

    def __init__(self) -> None:
        super().__init__(CONTENT)
        self.requests: dict[int, list[wire.Request]] = {peer: [] for peer in PEERS}
        self.cancelled: set[int] = set()
        for peer in PEERS:
            self.connect(peer, f"10.0.1.{peer}")
            self.say(peer, wire.HaveAll(), wire.Unchoke())
        self.look()

    def look(self) -> None:
        for send in self.take(Send):
            message = send.message
            if isinstance(message, wire.Request):
                self.requests[send.connection].append(message)
            elif isinstance(message, wire.Requests):
                begins = range(message.begin, message.begin + message.count * message.length, message.length)
                self.requests[send.connection] += [wire.Request(message.piece, at, message.length) for at in begins]
            elif isinstance(message, wire.Cancel):
                self.cancelled.add(send.connection)

    def answer(self, peer: int) -> None:
        """This peer sends the first block that it was asked for."""
        request = self.requests[peer].pop(0)
        at = request.piece * BLOCK + request.begin
        self.say(peer, wire.Piece(request.piece, request.begin, CONTENT[at : at + request.length]))
        for verify in self.take(Verify):
            self.node.piece_verified(verify.piece, True, self.now)
            self._collect()
        self.look()

    def pass_time(self, seconds: float, answering: range) -> None:
        """Let time pass, in which these peers send a block every three seconds, and the others show they are alive."""
        until = self.now + seconds
        while self.now < until:
            self.live(self.now + 3.0)
            for peer in PEERS:
                self.say(peer, wire.KeepAlive())
                if peer in answering:
                    self.answer(peer)
            self.look()


def test_who_alone_keeps_us_waiting_is_given_up() -> None:
    """What it was asked for is open to others after a minute."""
    asked = Asked()
    asked.pass_time(SNUBBED_S - RECHOKE_S, PEERS[:-1])
    assert not asked.cancelled
    asked.pass_time(3 * RECHOKE_S, PEERS[:-1])
    assert asked.cancelled == {SILENT}


def test_where_all_keep_us_waiting_the_links_are_slow() -> None:
    """With thirty others in its queue, a slow peer takes minutes over a block; who asks another gets it twice."""
    asked = Asked()
    asked.pass_time(2 * SNUBBED_S, range(0))
    assert not asked.cancelled


def test_nobody_is_waited_for_for_ever() -> None:
    """Though nobody answers."""
    asked = Asked()
    asked.pass_time(SLOWEST_S + 3 * RECHOKE_S, range(0))
    assert asked.cancelled == set(PEERS)
