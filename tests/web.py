"""A web server of the fake network (`tests.network`): serves ranges in virtual time, at one pace for all.

`refuse` makes it refuse so many requests first; `lies` makes it send zeros; `hangs` makes it send nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from p2p_node.boundary import FetchRange

if TYPE_CHECKING:
    from tests.network import FakePeer, Network

CHUNK = 10_000


class WebServer:
    def __init__(self, network: Network, chunk_s: float, lies: bool, hangs: bool) -> None:
        self.network = network
        self.chunk_s = chunk_s
        self.lies = lies
        self.hangs = hangs
        self.refuse = 0
        self.wish: float | None = None
        self.for_good = False
        self.asked: list[tuple[float, int, int]] = []
        """When, and from where to where."""
        self.sent = 0
        self._free_at = 0.0

    def serve(self, peer: FakePeer, order: FetchRange) -> None:
        network = self.network
        self.asked.append((network.now, order.start, order.end))
        if self.hangs:
            return
        if self.refuse:
            self.refuse -= 1
            network.at(network.now + network.delay_s, lambda: peer.range_failed(order.number, self.wish, self.for_good))
            return
        self._send(peer, order, order.start)

    def _send(self, peer: FakePeer, order: FetchRange, start: int) -> None:
        network = self.network
        end = min(start + CHUNK, order.end)
        self._free_at = max(self._free_at, network.now) + self.chunk_s
        network.at(self._free_at, lambda: self._sent(peer, order, start, end))

    def _sent(self, peer: FakePeer, order: FetchRange, start: int, end: int) -> None:
        if peer.gone or order.number in peer.cancelled_ranges:
            return
        self.sent += end - start
        peer.range_received(order.number, bytes(end - start) if self.lies else self.network.content[start:end])
        if end < order.end:
            self._send(peer, order, end)
