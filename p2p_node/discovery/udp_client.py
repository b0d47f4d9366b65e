"""The client's end of a tracker over UDP (BEP 15): one question at a time, repeated until answered or given up."""

from __future__ import annotations

from random import Random

from p2p_node.wire.announce import Announce, AnnounceReply
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.udp_tracker import (
    MAGIC,
    Connect,
    Connected,
    Refused,
    Request,
    Scrape,
    Scraped,
    answered_transaction,
    decode_answer,
    encode_request,
)

CONNECTION_S = 60.0
"""How long a client may use a connection id (BEP 15)."""

FIRST_TIMEOUT_S = 15.0
MAX_RETRANSMISSIONS = 8
"""A request is repeated after 15·2ⁿ seconds, n from 0 to 8 (BEP 15)."""


class UdpClient:
    """What is asked of one tracker. Datagrams to send gather in `outgoing`; `tick` is due at `timer`."""

    def __init__(self, rng: Random) -> None:
        self.outgoing: list[bytes] = []
        self.timer: float | None = None
        self._rng = rng
        self._connection = MAGIC
        self._connection_ends = 0.0
        self._asked: Announce | Scrape | None = None
        self._request: Request | None = None
        self._repeated = 0

    def ask(self, question: Announce | Scrape, now: float) -> None:
        """Ask this, in place of what was asked before."""
        self._asked = question
        self._repeated = 0
        self._request_next(now)

    def tick(self, now: float) -> bool:
        """The timer came due: repeat what is unanswered. False when the tracker was given up."""
        if self._request is None or self.timer is None or now < self.timer:
            return True
        if self._repeated == MAX_RETRANSMISSIONS:
            self.abandon()
            return False
        self._repeated += 1
        if self._request.question is self._asked and now >= self._connection_ends:
            self._request_next(now)
        else:
            self._transmit(now)
        return True

    def received(self, data: bytes, ipv6: bool, now: float) -> AnnounceReply | Scraped | None:
        """A datagram came over this family: the answer, if it is one to what was asked.

        Raises ProtocolError when it is a refusal or nonsense, which ends the question.
        """
        if self._request is None or answered_transaction(data) != self._request.transaction:
            return None
        try:
            answer = decode_answer(data, ipv6)
            if isinstance(answer, Refused):
                raise ProtocolError(f"tracker refused: {answer.reason}")
            expected = {Connect: Connected, Announce: AnnounceReply, Scrape: Scraped}[type(self._request.question)]
            if not isinstance(answer, expected):
                raise ProtocolError("tracker answered another question")
        except ProtocolError:
            self._connection_ends = 0.0  # the id may be what it did not like
            self.abandon()
            raise
        if isinstance(answer, Connected):
            self._connection, self._connection_ends = answer.connection, now + CONNECTION_S
            self._request_next(now)
            return None
        self.abandon()
        return answer

    def abandon(self) -> None:
        """Ask no more; a late answer is not heard."""
        self._asked = self._request = self.timer = None

    def _request_next(self, now: float) -> None:
        assert self._asked is not None
        connected = now < self._connection_ends
        self._request = Request(
            connection=self._connection if connected else MAGIC,
            transaction=self._rng.getrandbits(32),
            question=self._asked if connected else Connect(),
        )
        self._transmit(now)

    def _transmit(self, now: float) -> None:
        assert self._request is not None
        self.outgoing.append(encode_request(self._request))
        self.timer = now + FIRST_TIMEOUT_S * 2**self._repeated
