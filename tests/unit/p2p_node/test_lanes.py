"""Lanes: few flows at a time on a slow link, as many as it takes when receivers are slow; everybody has turns, and who
came first more of them."""

from __future__ import annotations

from p2p_node.boundary import Effect, Upload
from p2p_node.core.connection import Connection
from p2p_node.core.lanes import FEWEST, HELD_S, MOST
from p2p_node.core.uploader import Uploader
from p2p_node.wire.messages import BLOCK, Cancel, Requests
from tests.network import make_torrent

PLENTY = BLOCK / HELD_S
"""Throughput in bytes a second from which a socket may hold a whole block."""

PIECES = 64
EVERYTHING = (1 << PIECES) - 1


class Link:
    """An uplink and its receivers in virtual time: lanes share the uplink evenly, and no receiver takes more than its
    rate."""

    def __init__(self, peers: int) -> None:
        self.now = 0.0
        self.effects: list[Effect] = []
        self.uploader = Uploader(make_torrent(bytes(PIECES * 4 * BLOCK), 4 * BLOCK), self.effects, 0.0)
        self.peers = [Connection(number, ("10.0.0.1", number), False, 0.0) for number in range(peers)]
        for peer in self.peers:
            peer.am_choking = False
        self.sent = 0.0
        self._left: dict[int, float] = {}
        self._begin = 0

    def ask(self, peer: Connection, piece: int, block: int) -> Requests:
        request = Requests(piece, block * BLOCK, BLOCK, 1)
        self.uploader.requested(peer, request, EVERYTHING)
        return request

    def run(self, seconds: float, uplink: float, receiver: float, step: float = 0.002) -> None:
        """Keep two requests of each peer waiting, and move bytes."""
        end = self.now + seconds
        while self.now < end:
            for peer in self.peers:
                while len(peer.uploads) < 2:
                    self._begin += 1
                    self.ask(peer, self._begin % PIECES, 0)
            while upload := self.uploader.next_upload(MOST, self.now):
                self._left[upload.connection] = upload.requests.count * upload.requests.length
            self.now += step
            share = uplink / len(self._left)
            for number in list(self._left):
                moved = min(share, receiver) * step
                self._left[number] -= moved
                self.sent += moved
                if self._left[number] <= 0:
                    del self._left[number]
                    self.uploader.drained(self.peers[number], self.now)

    @property
    def lanes(self) -> int:
        return len(self._left)


def take(link: Link, most: int = MOST) -> Upload:
    upload = link.uploader.next_upload(most, link.now)
    assert upload is not None
    return upload


def take_next(link: Link) -> Upload:
    """The next blocks, when a lane is free."""
    connection = next(iter(link._left))
    link.now += 0.1
    link.uploader.drained(link.peers[connection], link.now)
    return take(link)


def test_connections_take_turns() -> None:
    """However much one of them has asked for before the others."""
    link = Link(3)
    for number, blocks in ((2, 4), (0, 2), (1, 2)):
        for block in range(blocks):
            link.ask(link.peers[number], number, block)
    served = []
    for _ in range(6):
        upload = take(link, BLOCK)
        served.append(upload.connection)
        link.uploader.drained(link.peers[upload.connection], link.now)
    assert served == [2, 0, 1, 2, 0, 1]


def test_no_more_connections_than_lanes_send_at_once() -> None:
    """The next begins when the socket of another has taken its blocks."""
    link = Link(FEWEST + 1)
    for peer in link.peers:
        link.ask(peer, 0, 0)
    first = [take(link) for _ in range(FEWEST)]
    assert link.uploader.next_upload(MOST, 0.0) is None
    link.uploader.drained(link.peers[first[0].connection], 0.1)
    assert take(link).connection == FEWEST


def test_a_connection_that_ends_gives_its_lane_back() -> None:
    """Also when it ends in the middle of a block."""
    link = Link(FEWEST + 1)
    for peer in link.peers:
        link.ask(peer, 0, 0)
    for _ in range(FEWEST):
        take(link)
    link.uploader.left(link.peers[0])
    assert take(link).connection == FEWEST


def test_a_block_that_waits_for_a_lane_can_be_cancelled() -> None:
    """It is then not sent."""
    link = Link(1)
    first, second = link.ask(link.peers[0], 0, 0), link.ask(link.peers[0], 0, 1)
    assert take(link).requests == first
    link.uploader.cancelled(link.peers[0], Cancel(second.piece, second.begin, second.length))
    link.uploader.drained(link.peers[0], 0.1)
    assert link.uploader.next_upload(MOST, 0.1) is None


def test_a_fast_link_gets_ever_longer_runs() -> None:
    """Twice as much each time it took the last at once; as blocks that lie side by side."""
    link = Link(1)
    for block in range(PIECES * 4):
        link.ask(link.peers[0], block // 4, block % 4)
    lengths = []
    for _ in range(4):
        lengths.append(take(link).requests.count)
        link.uploader.drained(link.peers[0], 0.0)
    assert lengths == [1, 2, 1, 4]  # the third ends with its piece


def test_a_slow_link_gets_a_block_at_a_time() -> None:
    """However long the runs were while it was fast."""
    link = Link(1)
    link.peers[0].turn = MOST
    for block in range(PIECES * 4):
        link.ask(link.peers[0], block // 4, block % 4)
    for _ in range(8):
        take(link)
        link.now += 0.5
        link.uploader.drained(link.peers[0], link.now)
    assert take(link).requests.count == 1


def test_a_link_of_some_megabits_gets_a_small_piece_at_a_time() -> None:
    """As much as it sends in a twentieth of a second, though it takes longer over it than over a fast link's turn."""
    link = Link(2)
    link.run(4.0, uplink=3.5 * PLENTY, receiver=3.5 * PLENTY)
    for peer in link.peers:
        peer.uploads.clear()
        for block in range(4):
            link.ask(peer, 0, block)
    upload = take_next(link)
    assert upload.requests.count == 3 and upload.unsent == 3 * BLOCK


def test_a_slow_link_holds_little_of_a_block_in_its_socket() -> None:
    """What waits elsewhere can be cancelled, and thirty sockets do not hold thirty blocks for half a minute."""
    slow, plenty = Link(4), Link(4)
    slow.run(20.0, uplink=PLENTY / 10, receiver=PLENTY)
    plenty.run(4.0, uplink=4 * PLENTY, receiver=4 * PLENTY)
    assert take_next(slow).unsent < BLOCK
    assert take_next(plenty).unsent == BLOCK


def test_lanes_stay_few_where_the_uplink_is_the_bottleneck() -> None:
    """More of them would not carry more."""
    link = Link(60)
    link.run(20.0, uplink=5e6, receiver=5e6)
    busy = _watched(link, 4.0, 5e6, 5e6)
    assert sorted(busy)[len(busy) // 2] <= 2 * FEWEST
    assert link.sent > 0.97 * 5e6 * link.now


def test_lanes_grow_until_slow_receivers_fill_the_uplink() -> None:
    """Four receivers at a fiftieth of the uplink's rate would leave it idle."""
    link = Link(200)
    link.run(6.0, uplink=5e6, receiver=1e5)
    before = link.sent
    link.run(4.0, uplink=5e6, receiver=1e5)
    assert link.sent - before > 0.85 * 4.0 * 5e6


def test_lanes_shrink_when_receivers_become_fast() -> None:
    """What slow receivers needed does no good any more."""
    link = Link(200)
    link.run(6.0, uplink=5e6, receiver=1e5)
    many = link.lanes
    link.run(40.0, uplink=5e6, receiver=5e6)
    busy = _watched(link, 4.0, 5e6, 5e6)
    assert sorted(busy)[len(busy) // 2] < many / 2


def _watched(link: Link, seconds: float, uplink: float, receiver: float) -> list[int]:
    busy = []
    end = link.now + seconds
    while link.now < end:
        link.run(0.01, uplink, receiver)
        busy.append(link.lanes)
    return busy


def served(link: Link, turns: int) -> list[int]:
    """Whose blocks go out, turn after turn, on a link with one block on its way, while everybody always has something
    waiting."""
    order = []
    for _ in range(turns):
        for peer in link.peers:
            while len(peer.uploads) < 2:
                link.ask(peer, 0, len(peer.uploads))
        upload = take(link, BLOCK)
        order.append(upload.connection)
        link.now += 0.1
        link.uploader.drained(link.peers[upload.connection], link.now)
    return order


def test_three_turns_of_four_are_for_who_came_first() -> None:
    """And of the fourth everybody has a share, so that nobody is left out."""
    link = Link(3)
    for number, peer in enumerate(link.peers):
        peer.opened = 10.0 * number
    order = served(link, 60)
    assert order.count(0) >= 45
    assert min(order.count(1), order.count(2)) >= 5


def test_who_came_together_is_served_alike() -> None:
    """A crowd takes a second to connect, and longer on slow links; chance in that favours nobody."""
    link = Link(3)
    link.now = 60.0
    for number, peer in enumerate(link.peers):
        peer.opened = 3.0 * number
    order = served(link, 60)
    assert {order.count(number) for number in range(3)} == {20}


def test_who_had_something_when_we_met_came_before_us() -> None:
    """A connection that is new says little of its peer: one that looks for more company is no late comer."""
    link = Link(2)
    link.peers[1].opened, link.peers[1].had = 60.0, 5
    link.peers[0].had = 5
    order = served(link, 20)
    assert order.count(0) == order.count(1) == 10
