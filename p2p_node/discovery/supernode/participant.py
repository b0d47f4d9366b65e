"""What leaves and supernodes have in common: what there is to tell their host gathers until the host takes it."""

from __future__ import annotations

from collections.abc import Mapping

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Census, Cost, Finding, LookupId
from p2p_node.discovery.supernode.outbox import Outbox


class Participant:
    """The part of `Discovery` in which a host hears of its node."""

    def __init__(self) -> None:
        self._outbox = Outbox()
        self._findings: list[Finding] = []
        self._received = self._refused = 0

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        return self._outbox.take_datagrams()

    def take_findings(self) -> list[Finding]:
        """What lookups found; taken once."""
        taken, self._findings = self._findings, []
        return taken

    def take_costs(self) -> Mapping[LookupId, Cost]:
        """What was sent for each lookup: a leaf's questions, and under the same ids a supernode's answers, and its
        queries and hits."""
        return self._outbox.take_costs()

    def _census(self, neighbours: int, entries: int, dropped: int = 0) -> Census:
        return Census(
            neighbours=neighbours,
            entries=entries,
            sent=self._outbox.sent,
            sent_bytes=self._outbox.sent_bytes,
            received=self._received,
            dropped=dropped,
            refused=self._refused,
        )
