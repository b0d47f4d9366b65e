"""What a node sends, counted: in all, and by the lookup that it is sent for."""

from __future__ import annotations

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Cost, LookupId
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import Frame, encode

MAX_COSTS = 4096
"""Lookups whose costs are kept until they are taken; beyond, nobody seems to ask."""


class Outbox:
    """Datagrams gather here until they are taken."""

    def __init__(self) -> None:
        self.sent = 0
        self.sent_bytes = 0
        self._datagrams: list[SendDatagram] = []
        self._costs: dict[LookupId, Cost] = {}

    def send(self, to: Address, frame: Frame) -> None:
        """Send what belongs to no lookup."""
        self._add(to, encode(frame))

    def send_for(self, lookup: LookupId, to: Address, data: bytes) -> None:
        """Send an encoded query or hit of this lookup."""
        self._add(to, data)
        cost = self._costs.get(lookup)
        if cost is None:
            if len(self._costs) >= MAX_COSTS:
                return
            cost = self._costs[lookup] = Cost()
        cost.add(len(data))

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        datagrams, self._datagrams = self._datagrams, []
        return datagrams

    def take_costs(self) -> dict[LookupId, Cost]:
        """What was sent for each lookup since this was last asked."""
        costs, self._costs = self._costs, {}
        return costs

    def _add(self, to: Address, data: bytes) -> None:
        self.sent += 1
        self.sent_bytes += len(data)
        self._datagrams.append(SendDatagram(to, data))
