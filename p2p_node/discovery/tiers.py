"""A torrent's trackers, in tiers (BEP 12): whom to announce to, and when.

The rule: one tracker is enough. A round of announces asks one after the other, tier by tier, until one answers; who
answered comes first in its tier from then on. A tracker that is slow loses its turn after PATIENCE_S, yet what it
answers later is heard, so no tracker – and no UDP retransmission – ever holds up another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from p2p_node.boundary import Effect, Notice
from p2p_node.discovery.tracker import Identity, Standing, Tracker, is_http, udp_address
from p2p_node.wire.address import Address
from p2p_node.wire.announce import AnnounceReply, Event, decode_reply
from p2p_node.wire.errors import ProtocolError

PATIENCE_S = 5.0
"""How long a tracker may take before the next is asked as well. Sound ones answer within one second."""

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 60.0
"""When no tracker answered, the wait for the next round doubles from the first to the last of these."""

MIN_WAIT_S = 1.0
MAX_WAIT_S = 86_400.0
"""No tracker is asked more often than this, whatever it says, nor forgotten for longer."""

FEW_PEERS = 8
"""With fewer, a node does not wait for the tracker's interval, which outlasts a young swarm: it asks again after
EARLY_S, then twice that, and so on."""

EARLY_S = 5.0

MAX_TRACKERS = 100
"""More in one torrent are ignored."""


class Tiers:
    """Announces one torrent. Effects gather in `effects`; `tend` is due at `timer`, and after every change."""

    def __init__(self, tiers: Iterable[Sequence[str]], identity: Identity, rng: Random) -> None:
        self.effects: list[Effect] = []
        self._tiers: list[list[Tracker]] = []
        urls: set[str] = set()
        for tier in tiers:
            usable = [url for url in dict.fromkeys(tier) if url not in urls and self._usable(url)]
            usable = usable[: MAX_TRACKERS - len(urls)]
            urls.update(usable)
            rng.shuffle(usable)
            self._tiers.append([Tracker(url, identity, rng) for url in usable])
        self._over_udp = [tracker for tracker in self._all if tracker.address is not None]
        self._turns: list[Tracker] | None = None
        """Who is still to be asked in this round; None between rounds."""
        self._turn_at = 0.0
        self._round_at = 0.0
        self._early_at = 0.0
        self._retry_s = FIRST_RETRY_S
        self._early_s = EARLY_S
        self._stopping = False
        self._standing = Standing()

    @property
    def timer(self) -> float | None:
        """When `tend` wants to be called."""
        due = None
        if not self._stopping and any(self._tiers):
            due = self._round_at if self._turns is None else self._turn_at
        for tracker in self._over_udp:
            timer = tracker.udp.timer
            if timer is not None and (due is None or timer < due):
                due = timer
        return due

    @property
    def listed(self) -> bool:
        """Whether some tracker knows of this peer; without trackers there is nobody to tell."""
        return any(tracker.heard for tracker in self._all) or not self._all

    @property
    def parted(self) -> bool:
        """Whether, after `stop`, nothing more is to be waited for."""
        return self._stopping and all(tracker.asked_at is None for tracker in self._all)

    def tend(self, standing: Standing, now: float) -> None:
        """Announce what is due."""
        self._standing = standing
        for tracker in self._over_udp:
            if not tracker.udp.tick(now):
                self.failed(tracker.url, now)
            self.effects += tracker.take_datagrams()
        if self._stopping or not any(self._tiers):
            return
        if self._turns is None and now >= self._round_at:
            self._turns, self._turn_at = self._all, now
        while self._turns is not None and now >= self._turn_at:
            self._next_turn(now)

    def completed(self, now: float) -> None:
        """The download finished: do not let the news wait."""
        self._round_at = min(self._round_at, now)

    def lonely(self, now: float) -> None:
        """Too few peers are left, or none has anything new: ask again as early as that is allowed."""
        self._round_at = min(self._round_at, max(self._early_at, now))

    def stop(self, standing: Standing, now: float) -> None:
        """Say goodbye to everybody who knows of us, behind what was said before."""
        self._stopping = True
        self._standing = standing
        for tracker in self._all:
            if tracker.asked_at is not None and now - tracker.asked_at >= PATIENCE_S:
                tracker.abandon()
            if tracker.asked_at is None and tracker.heard:
                self._ask(tracker, now)

    def replied(self, url: str, data: bytes, now: float) -> tuple[Address, ...]:
        """An HTTP tracker answered; returns the peers it names."""
        tracker = self._waiting(url)
        if tracker is None:
            return ()
        try:
            return self._answered(tracker, decode_reply(data), now)
        except ProtocolError as error:
            self._refused(tracker, error, now)
            return ()

    def datagram_received(self, data: bytes, ipv6: bool, now: float) -> tuple[Address, ...]:
        """A datagram came that may be a tracker's; returns the peers it names."""
        for tracker in self._over_udp:
            try:
                answer = tracker.udp.received(data, ipv6, now)
            except ProtocolError as error:
                self._refused(tracker, error, now)
                return ()
            self.effects += tracker.take_datagrams()
            if isinstance(answer, AnnounceReply):
                return self._answered(tracker, answer, now)
        return ()

    def awaits(self, url: str) -> bool:
        """Whether this tracker was asked and has not answered."""
        return self._waiting(url) is not None

    def failed(self, url: str, now: float) -> None:
        """A tracker could not be reached, or answered nothing sensible."""
        tracker = self._waiting(url)
        if tracker is not None:
            tracker.abandon()
            if self._turns is not None and not self._asked_lately(now):
                self._turn_at = now

    def unreachable(self, address: Address, now: float) -> None:
        """No datagram can be sent to this address."""
        for tracker in self._over_udp:
            if tracker.address == address:
                self.failed(tracker.url, now)

    @property
    def _all(self) -> list[Tracker]:
        return [tracker for tier in self._tiers for tracker in tier]

    def _usable(self, url: str) -> bool:
        if is_http(url) or udp_address(url):
            return True
        self.effects.append(Notice(f"tracker {url} is ignored: only http, https and udp://HOST:PORT can be asked"))
        return False

    def _next_turn(self, now: float) -> None:
        assert self._turns is not None
        if not self._turns:
            self._turns = None
            self._round_at = now + self._retry_s
            self._retry_s = min(2 * self._retry_s, MAX_RETRY_S)
            return
        tracker, *self._turns = self._turns
        if tracker.asked_at is None:
            self._ask(tracker, now)
            self._turn_at = now + PATIENCE_S

    def _ask(self, tracker: Tracker, now: float) -> None:
        self.effects += tracker.ask(self._standing, self._stopping, now)

    def _answered(self, tracker: Tracker, reply: AnnounceReply, now: float) -> tuple[Address, ...]:
        tracker.answered(reply)
        if reply.warning:
            self.effects.append(Notice(f"tracker {tracker.url} warns: {reply.warning}"))
        if self._stopping:
            if tracker.asked is not Event.STOPPED:
                self._ask(tracker, now)
            return ()
        for tier in self._tiers:
            if tracker in tier:
                tier.remove(tracker)
                tier.insert(0, tracker)
        self._turns = None
        self._retry_s = FIRST_RETRY_S
        self._wait(tracker, reply, now)
        return reply.peers

    def _wait(self, tracker: Tracker, reply: AnnounceReply, now: float) -> None:
        least = max(reply.min_interval, MIN_WAIT_S)
        wait = min(max(reply.interval, least), MAX_WAIT_S)
        self._early_at = now + min(max(self._early_s, least), wait)
        self._round_at = now + wait
        if self._standing.left and max(len(reply.peers), self._standing.connected) < FEW_PEERS:
            self._early_s *= 2
            self._round_at = self._early_at
        else:
            self._early_s = EARLY_S
        if self._standing.finished and not tracker.told_completed:
            self._round_at = now

    def _refused(self, tracker: Tracker, error: ProtocolError, now: float) -> None:
        self.effects.append(Notice(f"tracker {tracker.url}: {error}"))
        self.failed(tracker.url, now)

    def _waiting(self, url: str) -> Tracker | None:
        return next((tracker for tracker in self._all if tracker.url == url and tracker.asked_at is not None), None)

    def _asked_lately(self, now: float) -> bool:
        return any(tracker.asked_at is not None and now - tracker.asked_at < PATIENCE_S for tracker in self._all)
