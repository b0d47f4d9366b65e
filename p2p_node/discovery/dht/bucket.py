"""A bucket: the nodes that share so many leading bits with this one's id, and those that wait for a place among them.

The rule: a node that answers is never turned out for another, so that nobody who floods a bucket with new ids gains a
place in it (Kademlia, 2.2); and no subnet takes more than its share.
"""

from __future__ import annotations

from p2p_node.discovery.dht.node_id import is_local, number_of, subnet
from p2p_node.wire.address import Address
from p2p_node.wire.krpc import NodeInfo, pack_node

K = 8
"""Nodes of a bucket, of a reply, and that hold an item (BEP 5)."""

GOOD_S = 900.0
"""A node that was not heard of for longer is questionable: asked again before anybody relies on it (BEP 5)."""

MAX_PER_SUBNET = 2
"""Nodes of one /24 in a bucket: who holds such a subnet can never be most of a bucket."""


class Contact:
    """A node that has answered: `heard` is when it last said anything, `silent` whether it failed to answer since."""

    __slots__ = ("address", "heard", "id", "number", "packed", "silent", "subnet")

    def __init__(self, node: NodeInfo, now: float) -> None:
        self.id = node.id
        self.number = number_of(node.id)
        self.address: Address = node.address
        self.packed = pack_node(node)
        self.heard = now
        self.silent = False
        self.subnet = None if is_local(node.address[0]) else subnet(node.address[0])

    def is_questionable(self, now: float) -> bool:
        """Whether it has to prove that it is still there."""
        return now - self.heard > GOOD_S


class Bucket:
    """At most K contacts and as many spares, who came last first to be promoted. `changed` is when it last did."""

    __slots__ = ("changed", "contacts", "spares")

    def __init__(self, now: float) -> None:
        self.contacts: dict[bytes, Contact] = {}
        self.spares: dict[bytes, Contact] = {}
        self.changed = now

    @property
    def full(self) -> bool:
        """Whether a newcomer finds no place."""
        return len(self.contacts) >= K

    def crowded_by(self, newcomer: Contact) -> bool:
        """Whether the newcomer's subnet has its share already."""
        same = sum(contact.subnet == newcomer.subnet for contact in self.contacts.values())
        return newcomer.subnet is not None and same >= MAX_PER_SUBNET

    def add(self, contact: Contact, now: float) -> None:
        """Give it a place."""
        self.contacts[contact.id] = contact
        self.spares.pop(contact.id, None)
        self.changed = now

    def keep_spare(self, contact: Contact) -> None:
        """Remember it for when a place becomes free; who was not heard of for longest makes room."""
        self.spares.pop(contact.id, None)
        if len(self.spares) >= K:
            del self.spares[next(iter(self.spares))]
        self.spares[contact.id] = contact

    def most_doubtful(self, now: float) -> Contact | None:
        """The contact that was not heard of for longest, if it is questionable."""
        oldest = min(self.contacts.values(), key=lambda contact: contact.heard)
        return oldest if oldest.is_questionable(now) else None
