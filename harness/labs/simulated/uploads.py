"""What a peer uploads: the blocks that the core hands out, as fast as the streams take them.

What `p2p_node.shell.uplink` does on real sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.labs.simulated.clock import Clock
from harness.labs.simulated.disks import Disk
from harness.labs.simulated.payload import right, wrong
from harness.labs.simulated.streams import SEND_BUFFER, Stream
from p2p_node.boundary import ConnectionId
from p2p_node.core.lanes import MOST
from p2p_node.core.node import Node
from p2p_node.wire.messages import PIECE_HEADER, Blocks, Requests

PARTS = 4
"""Blocks that are handed to a stream at once leave, and arrive, in so many parts."""

Lies = Callable[[Requests], bool]
"""Whether a peer sends wrong bytes for these requests."""


class Uploads:
    """Serves the streams of one node; `failed` is told when the disk cannot be read. A byte of payload takes as long as
    `grain` bytes."""

    def __init__(
        self,
        node: Node,
        clock: Clock,
        streams: Mapping[ConnectionId, Stream],
        disk: Disk,
        lies: Lies | None,
        failed: Callable[[str], None],
        grain: int,
    ) -> None:
        self._node = node
        self._clock = clock
        self._streams = streams
        self._disk = disk
        self._lies = lies
        self._failed = failed
        self._grain = grain

    def serve(self) -> None:
        """Send what waits, while there are lanes."""
        node, now = self._node, self._clock.now
        while (upload := node.next_upload(MOST, now)) is not None:
            stream = self._streams.get(upload.connection)
            if stream is None:  # its end is under way, and frees its lane
                continue
            if self._disk.broken:
                self._failed("cannot read from the disk: Input/output error")
                return
            self._send(stream, upload.requests)
            if stream.tell_when_room(min(upload.unsent * self._grain, SEND_BUFFER), self._drained):
                node.drained(upload.connection, now)

    def _send(self, stream: Stream, asked: Requests) -> None:
        block = (wrong if self._lies is not None and self._lies(asked) else right)(asked.length)
        together = -(-asked.count // PARTS)
        for first in range(0, asked.count, together):
            count = min(together, asked.count - first)
            run = Blocks(asked.piece, asked.begin + first * asked.length, [block] * count)
            stream.write([run], count * (PIECE_HEADER + asked.length * self._grain))

    def _drained(self, stream: Stream) -> None:
        if stream.number in self._streams:
            self._node.drained(stream.number, self._clock.now)
            self.serve()
