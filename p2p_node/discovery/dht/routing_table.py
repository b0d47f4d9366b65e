"""The routing table: buckets that split where this node's own id lies, so that it knows the more of the nearer.

The rule: a node enters it by answering, not by asking, since only who answers is known to be where it says; and one
host has one place in it, whatever number of ids it invents.
"""

from __future__ import annotations

from collections.abc import Iterator

from p2p_node.discovery.dht.bucket import Bucket, Contact, K
from p2p_node.discovery.dht.node_id import BITS, number_of, shared_bits
from p2p_node.wire.address import Address, is_loopback
from p2p_node.wire.krpc import NodeInfo

REFRESH_S = 900.0
"""A bucket in which nothing changed for this long is looked after (BEP 5)."""


class RoutingTable:
    """The contacts of one node. `doubts` gathers nodes that should be pinged: they answer, or `failed` is called."""

    def __init__(self, own_id: bytes, now: float) -> None:
        self.doubts: list[NodeInfo] = []
        self._own_id = own_id
        self._own = number_of(own_id)
        self._buckets = [Bucket(now)]
        self._hosts: dict[str, Contact] = {}
        """Who has the place of each host; loopback addresses are not hosts."""
        self._size = 0

    def __len__(self) -> int:
        return self._size

    @property
    def depth(self) -> int:
        """Buckets: about log₂ of the network's size beyond K."""
        return len(self._buckets)

    @property
    def spare_count(self) -> int:
        """Contacts that wait for a place."""
        return sum(len(bucket.spares) for bucket in self._buckets)

    @property
    def stale_at(self) -> float:
        """When the first bucket wants to be refreshed."""
        return min(bucket.changed for bucket in self._buckets) + REFRESH_S

    def contacts(self) -> Iterator[Contact]:
        """All contacts."""
        for bucket in self._buckets:
            yield from bucket.contacts.values()

    def closest(self, target: int, count: int = K) -> list[Contact]:
        """The nodes nearest to a number that are not known to be silent, nearest first."""
        # All that share the target's bucket are nearer to it than anybody else.
        near = [contact for contact in self._bucket(target).contacts.values() if not contact.silent]
        if len(near) < count:
            near = [contact for contact in self.contacts() if not contact.silent]
        near.sort(key=lambda contact: contact.number ^ target)
        return near[:count]

    def answered(self, node: NodeInfo, now: float) -> None:
        """A node answered: it gets a place if there is one for it."""
        number = number_of(node.id)
        known = self._known(number, node)
        if known is not None:
            known.heard, known.silent = now, False
            self._bucket(number).changed = now
        elif node.id != self._own_id:
            self._place(Contact(node, now), now)

    def asked(self, node: NodeInfo, now: float) -> None:
        """A node asked something: it is alive, if it is known; else it may be worth meeting."""
        number = number_of(node.id)
        known = self._known(number, node)
        if known is not None:
            known.heard = now
        elif node.id != self._own_id and self._has_room(number, node.address):
            self.doubts.append(node)

    def failed(self, node: NodeInfo, now: float) -> None:
        """A node did not answer: it is asked once more, since datagrams get lost, then its place goes to another."""
        known = self._known(number_of(node.id), node)
        if known is None:
            return
        if known.silent:
            self.remove(node, now)
        else:
            known.silent = True
            self.doubts.append(node)

    def remove(self, node: NodeInfo, now: float) -> None:
        """A node is not there any more; the spare that was heard of last is met in its place."""
        known = self._known(number_of(node.id), node)
        if known is None:
            return
        bucket = self._bucket(known.number)
        self._drop(bucket, known)
        if bucket.spares:
            _, spare = bucket.spares.popitem()
            self.doubts.append(NodeInfo(spare.id, spare.address))

    def stale_bucket(self, now: float) -> int | None:
        """The number of leading bits of the bucket that needs a refresh most, if any does; it counts as refreshed."""
        shared, bucket = min(enumerate(self._buckets), key=lambda entry: entry[1].changed)
        if now < bucket.changed + REFRESH_S:
            return None
        bucket.changed = now
        return shared

    def thin_buckets(self) -> list[int]:
        """The numbers of leading bits of buckets with room, but for the last, whose range may hold nobody else."""
        return [shared for shared, bucket in enumerate(self._buckets[:-1]) if not bucket.full]

    def _bucket(self, number: int) -> Bucket:
        return self._buckets[min(shared_bits(self._own, number), len(self._buckets) - 1)]

    def _known(self, number: int, node: NodeInfo) -> Contact | None:
        """The contact of this id, if it is at this address: nobody speaks for another."""
        contact = self._bucket(number).contacts.get(node.id)
        return contact if contact is not None and contact.address == node.address else None

    def _has_room(self, number: int, address: Address) -> bool:
        bucket = self._bucket(number)
        splits = bucket is self._buckets[-1] and len(self._buckets) < BITS
        return (not bucket.full or splits) and address[0] not in self._hosts

    def _place(self, newcomer: Contact, now: float) -> None:
        bucket = self._bucket(newcomer.number)
        twin = bucket.contacts.get(newcomer.id) or self._hosts.get(newcomer.address[0])
        if twin is not None:
            if not twin.silent:
                return
            self._drop(self._bucket(twin.number), twin)
        while bucket.full and bucket is self._buckets[-1] and len(self._buckets) < BITS:
            self._split(now)
            bucket = self._bucket(newcomer.number)
        if bucket.crowded_by(newcomer):
            return
        if bucket.full and (gone := next((one for one in bucket.contacts.values() if one.silent), None)):
            self._drop(bucket, gone)
        if not bucket.full:
            bucket.add(newcomer, now)
            self._size += 1
            if not is_loopback(newcomer.address[0]):
                self._hosts[newcomer.address[0]] = newcomer
            return
        bucket.keep_spare(newcomer)
        if (doubtful := bucket.most_doubtful(now)) is not None:
            self.doubts.append(NodeInfo(doubtful.id, doubtful.address))

    def _split(self, now: float) -> None:
        """Move those of the last bucket that share more of the own id into a bucket of their own."""
        old, new, shared = self._buckets[-1], Bucket(now), len(self._buckets) - 1
        for place, fresh in ((old.contacts, new.contacts), (old.spares, new.spares)):
            for contact in list(place.values()):
                if shared_bits(self._own, contact.number) > shared:
                    fresh[contact.id] = place.pop(contact.id)
        self._buckets.append(new)

    def _drop(self, bucket: Bucket, contact: Contact) -> None:
        del bucket.contacts[contact.id]
        self._hosts.pop(contact.address[0], None)
        self._size -= 1
