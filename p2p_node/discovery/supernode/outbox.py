"""What a node of this family sends, counted: in all, and by the lookup that it is sent for."""

from __future__ import annotations

from hashlib import blake2b

from p2p_node.boundary import SendDatagram
from p2p_node.discovery.base import Cost, LookupId
from p2p_node.wire.address import Address
from p2p_node.wire.supernode import LOOKUP

MAX_COSTS = 4096
"""Lookups whose costs are kept until they are taken; beyond, nobody seems to ask."""


def lookup_id(peer_id: bytes, transaction: int) -> LookupId:
    """The lookup that an announce with this peer id and transaction (BEP 15) asks for.

    Both are in the announce, whoever translates addresses on its way; so leaf and supernode name a lookup alike, and
    the supernode's queries carry the name on.
    """
    return blake2b(peer_id + transaction.to_bytes(4, "big"), digest_size=LOOKUP).digest()


class Outbox:
    """Datagrams gather here until they are taken."""

    def __init__(self) -> None:
        self.sent = 0
        self.sent_bytes = 0
        self._datagrams: list[SendDatagram] = []
        self._costs: dict[LookupId, Cost] = {}

    def send(self, to: Address, data: bytes, lookup: LookupId | None = None) -> None:
        """Send this, on behalf of a lookup if there is one."""
        self.sent += 1
        self.sent_bytes += len(data)
        self._datagrams.append(SendDatagram(to, data))
        if lookup is not None:
            self.charge(lookup, len(data))

    def charge(self, lookup: LookupId, size: int) -> None:
        """A message of `size` bytes was sent for this lookup."""
        cost = self._costs.get(lookup)
        if cost is None and len(self._costs) < MAX_COSTS:
            cost = self._costs[lookup] = Cost()
        if cost is not None:
            cost.add(size)

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        taken, self._datagrams = self._datagrams, []
        return taken

    def take_costs(self) -> dict[LookupId, Cost]:
        """What was sent for each lookup since this was last asked."""
        taken, self._costs = self._costs, {}
        return taken
