"""A stream: one end of a connection. What is written here is received at the other end, in order.

As with TCP on Linux: a close is heard behind what was written before, a reset at once; what a rule drops is held until
it may pass; and no more is on its way than a window holds, so a receiver's full downlink holds back its senders.
Payload is whatever the two ends agree on: only its size takes time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from harness.labs.simulated.hosts import State
from harness.labs.simulated.links import FRAME, HEADERS, QUEUED, SEGMENT, Flow, on_wire
from p2p_node.wire.address import Address

if TYPE_CHECKING:
    from harness.labs.simulated.hosts import Host

WINDOW = 1 << 20
"""Bytes on their way at most."""


SEND_BUFFER = 20 * SEGMENT
"""Bytes that a socket takes before they leave: Linux gives it twice its congestion window, and that stays at the ten
segments it begins with while a link's queue holds two."""


class Owner(Protocol):
    """Whoever speaks on a stream."""

    def received(self, stream: Stream, payload: Any, size: int) -> None:
        """Something came whole."""
        ...

    def lost(self, stream: Stream) -> None:
        """The other end closed it, or it broke."""
        ...


class Stream(Flow):
    """One end, at `host`; `address` is where the other end is."""

    __slots__ = (
        "_arrived_at",
        "_ending",
        "_held",
        "_left_at",
        "_on_its_way",
        "_room",
        "_told",
        "_waiting",
        "address",
        "host",
        "is_open",
        "number",
        "other",
        "owner",
        "unsent",
    )

    def __init__(self, host: Host, address: Address, number: int) -> None:
        super().__init__()
        self.host = host
        self.address = address
        self.number = number
        """Names it at its host; never used again."""
        self.other: Stream
        self.owner: Owner | None = None
        """None until the connection is established."""
        self.is_open = True
        self.unsent = 0
        """Bytes written that have not left the uplink."""
        self._on_its_way = 0
        self._waiting: deque[tuple[Any, int]] | None = None
        """Written, but beyond the window."""
        self._held: list[tuple[Any, int]] | None = None
        """Left, but dropped by a rule."""
        self._room: tuple[int, Callable[[Stream], None]] | None = None
        self._ending = False
        self._left_at = 0.0
        self._arrived_at = 0.0
        self._told = False

    def write(self, payload: Any, size: int) -> None:
        """Send this behind what was written before."""
        if self.is_open and not self._ending:
            self._write(payload, size)

    def tell_when_room(self, unsent: int, tell: Callable[[Stream], None]) -> bool:
        """Whether no more than `unsent` bytes have yet to leave; if more have, `tell` is called when it is so."""
        if self.unsent <= unsent + QUEUED:
            return True
        self._room = unsent + QUEUED, tell
        return False

    def close(self) -> None:
        """End it behind what was written; the owner hears nothing more."""
        if self.is_open and not self._ending:
            self._write(None, 0)
            self._ending = True
            self._detach()

    def reset(self) -> None:
        """End it at once, and let the other end hear of that."""
        if self.is_open:
            self._detach()
            self._refuse()

    def break_down(self) -> None:
        """It is no more."""
        self.is_open = False
        if not self._told:
            self._detach()
            if self.owner is not None:
                self.owner.lost(self)

    def retry(self) -> None:
        """Rules have changed: send again what was held."""
        if self._held is not None:
            held, self._held = self._held, None
            for payload, size in held:
                now = self.host.network.clock.now
                self._travel(payload, size, on_wire(size), now, now, 0.0)

    def _detach(self) -> None:
        self._told = True
        self._room = None
        self.host.streams.pop(self.number, None)

    def _write(self, payload: Any, size: int) -> None:
        self.unsent += size
        if self._waiting or (self._on_its_way and self._on_its_way + size > WINDOW):
            if self._waiting is None:
                self._waiting = deque()
            self._waiting.append((payload, size))
        else:
            self._hand_over(payload, size)

    def _hand_over(self, payload: Any, size: int) -> None:
        self._on_its_way += size
        uplink, now = self.host.uplink, self.host.network.clock.now
        wait_s = 0.0 if self.queued else uplink.wait_s
        if size <= SEGMENT and not self.queued and uplink.rate > 0:
            self._has_left(payload, size, size + HEADERS, now, uplink.slip(size + HEADERS), wait_s)
        else:
            wire = size + HEADERS if size <= SEGMENT else size * (FRAME / SEGMENT)
            uplink.carry(self, wire, self._left, payload, size, wire, now, wait_s)

    def _left(self, payload: Any, size: int, wire: float, handed_over_at: float, wait_s: float) -> None:
        now = self.host.network.clock.now
        self._has_left(payload, size, wire, handed_over_at, now, wait_s)
        if self._room is not None and self.is_open and self.unsent <= self._room[0]:
            _, tell = self._room
            self._room = None
            self.host.do(tell, self)

    def _has_left(
        self, payload: Any, size: int, wire: float, handed_over_at: float, left_at: float, wait_s: float
    ) -> None:
        self.unsent -= size
        if not self.is_open or self.host.state is State.GONE:
            return
        began = handed_over_at if handed_over_at > self._left_at else self._left_at
        self._left_at = left_at
        self._travel(payload, size, wire, began, left_at, wait_s)

    def _travel(self, payload: Any, size: int, wire: float, began: float, ended: float, wait_s: float) -> None:
        network, to = self.host.network, self.other.host
        late_s = wait_s + network.delay_s
        if network.rules:
            more_s = network.judge(self.host.address, to.address)
            if self._held is not None or more_s is None:
                self._hold(payload, size)
                return
            late_s += more_s
        # What is late passes the downlink when it would have: else all that comes meanwhile would wait for it.
        arrives = to.downlink.receive(began, ended, wire) + late_s
        if arrives < self._arrived_at:  # what waited in the queue is not overtaken by what came after it
            arrives = self._arrived_at
        self._arrived_at = arrives
        network.clock.at(arrives, self.other._arrive, payload, size, wire)

    def _hold(self, payload: Any, size: int) -> None:
        if self._held is None:
            self._held = []
        self._held.append((payload, size))
        self.host.network.held.append(self)

    def _arrive(self, payload: Any, size: int, wire: float) -> None:
        host, sender = self.host, self.other
        if host.state is State.GONE:
            return
        host.uplink.acknowledge((wire - size) / 2)  # half of what the frames' headers take
        sender._on_its_way -= size
        if sender._waiting:
            sender._go_on()
        if payload is None:
            sender.is_open = False
            host.do(self.break_down)
        elif host.state is State.UP and not self._told and self.owner is not None:
            self.owner.received(self, payload, size)
        else:
            host.do(self._take, payload, size)

    def _take(self, payload: Any, size: int) -> None:
        if self._told or self.owner is None:
            self._refuse()
        else:
            self.owner.received(self, payload, size)

    def _refuse(self) -> None:
        """Nobody listens here: the other end is told."""
        self.is_open = False
        if self.other.is_open:
            self.host.network.signal(self.host, self.other.host, self.other.break_down)

    def _go_on(self) -> None:
        waiting = self._waiting
        while waiting and (not self._on_its_way or self._on_its_way + waiting[0][1] <= WINDOW):
            self._hand_over(*waiting.popleft())
