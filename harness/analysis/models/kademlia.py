"""Kademlia with tables that nobody stores: whom a node knows in a bucket follows from lots when it is asked.

Ids are 64 random bits, sorted; a bucket of a node – those who share so many leading bits with it and differ in the
next – is then a range. K, α and where a lookup ends are the node's (`p2p_node/discovery/dht`, decision 0052). A
provider announces to the K nodes nearest to the key; a lookup goes on, as ours does, until the K nearest have answered.

P. Maymounkov, D. Mazières, "Kademlia: A Peer-to-Peer Information System Based on the XOR Metric", IPTPS 2002.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from random import Random

from harness.analysis.models.searches import Search

BITS = 64
K = 8
ALPHA = 3
STARTS = 4 * K
MAX_ASKED = 64


class Network:
    """Nodes by number, in the order of their ids."""

    def __init__(self, nodes: int, seed: int) -> None:
        rng = Random(f"kademlia/{seed}")
        ids: set[int] = set()
        while len(ids) < nodes:
            ids.update(rng.getrandbits(BITS) for _ in range(nodes - len(ids)))
        self.ids = sorted(ids)
        self._seed = seed

    def bucket(self, node: int, shared: int) -> range:
        """Those who share exactly so many leading bits with a node."""
        shift = BITS - shared - 1
        low = (self.ids[node] >> shift ^ 1) << shift
        return self._between(low, low + (1 << shift))

    def contacts(self, node: int, shared: int) -> Sequence[int]:
        """Whom a node knows in a bucket: all if they are at most K, else K by lot, the same whenever it is asked."""
        bucket = self.bucket(node, shared)
        if len(bucket) <= K:
            return bucket
        return Random((self._seed << 64) + (node << 8) + shared).sample(bucket, K)

    def known(self, node: int, key: int, count: int) -> list[int]:
        """The contacts of a node nearest to a key, from bucket to bucket until there are enough."""
        ahead = BITS - (self.ids[node] ^ key).bit_length()
        found: list[int] = []
        for shared in self._outward(node, ahead):
            found += self.contacts(node, shared)
            if len(found) >= count and shared <= ahead:
                break
        return sorted(found, key=lambda other: self.ids[other] ^ key)[:count]

    def nearest(self, key: int, count: int) -> list[int]:
        """The nodes nearest to a key of all there are."""
        shared = BITS
        while shared and len(around := self._sharing(key, shared)) < count:
            shared -= 1
        around = self._sharing(key, shared)
        return sorted(around, key=lambda node: self.ids[node] ^ key)[:count]

    def entries(self, node: int) -> int:
        """Contacts in all buckets of a node."""
        return sum(min(K, len(self.bucket(node, shared))) for shared in range(BITS))

    def _outward(self, node: int, ahead: int) -> Iterable[int]:
        """The buckets of a node by the distance of their members to a key with which it shares `ahead` bits."""
        if ahead < BITS:
            yield ahead
        # All that share more bits with the node than the key does are as far from the key as the node itself.
        yield from range(ahead + 1, BITS)
        yield from range(min(ahead, BITS) - 1, -1, -1)

    def _sharing(self, key: int, shared: int) -> range:
        shift = BITS - shared
        low = key >> shift << shift
        return self._between(low, low + (1 << shift))

    def _between(self, low: int, high: int) -> range:
        return range(bisect_left(self.ids, low), bisect_left(self.ids, high))


def searches(nodes: int, count: int, seed: int) -> tuple[Sequence[Search], float]:
    """So many lookups of random keys by random nodes, and the mean number of contacts of the nodes that sought."""
    network, rng = Network(nodes, seed), Random(f"searches/{seed}")
    seekers = [rng.randrange(nodes) for _ in range(count)]
    found = [look_up(network, seeker, rng.getrandbits(BITS)) for seeker in seekers]
    return found, sum(map(network.entries, seekers)) / count


def look_up(network: Network, seeker: int, key: int) -> Search:
    """Ask the nearest known that have not been asked, α at a time, until the K nearest known have answered."""
    holders = set(network.nearest(key, K))
    hops = dict.fromkeys(network.known(seeker, key, STARTS), 1)
    found: int | None = 0 if seeker in holders else None
    asked: set[int] = set()
    while len(asked) < MAX_ASKED:
        nearest = sorted(hops, key=lambda node: network.ids[node] ^ key)[:K]
        turn = [node for node in nearest if node not in asked][:ALPHA]
        if not turn:
            break
        asked.update(turn)
        for node in turn:
            if node in holders and found is None:
                found = hops[node]
            for told in network.known(node, key, K):
                if told != seeker:
                    hops.setdefault(told, hops[node] + 1)
    return Search(found, 2 * len(asked))
