"""The network families by name, each behind the `Discovery` seam.

A family is imported when its first node is made: a peer that is in no network has no room to give them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from random import Random
from typing import TypeAlias

from p2p_node.discovery.base import Discovery
from p2p_node.wire.address import Address

Family: TypeAlias = Callable[[Address, Random, float], Discovery]
"""Makes a host's node of an overlay: its own UDP address, its source of randomness, the time now."""


def _dht(own: Address, rng: Random, now: float) -> Discovery:
    from p2p_node.discovery.dht.node import DhtNode

    return DhtNode(own, rng, now)


def _flooding(own: Address, rng: Random, now: float) -> Discovery:
    from p2p_node.discovery.gossip.node import GossipNode

    return GossipNode(own, rng, now)


def _walking(own: Address, rng: Random, now: float) -> Discovery:
    from p2p_node.discovery.gossip.node import GossipNode
    from p2p_node.discovery.gossip.settings import WALKING, GossipSettings

    return GossipNode(own, rng, now, GossipSettings(strategy=WALKING))


def _leaf(own: Address, rng: Random, now: float) -> Discovery:
    from p2p_node.discovery.supernode.leaf import SupernodeLeaf

    return SupernodeLeaf(own, rng, now)


def _supernode(own: Address, rng: Random, now: float) -> Discovery:
    from p2p_node.discovery.supernode.node import Supernode

    return Supernode(own, rng, now)


DHT = "dht"

SUPERNODE = "supernode"

FAMILIES: Mapping[str, Family] = {DHT: _dht, "gossip": _flooding, "gossip-walk": _walking, SUPERNODE: _leaf}

INDEXING: Mapping[str, Family] = {SUPERNODE: _supernode}
"""Who does the work for others, in families where not all do."""


class Role(StrEnum):
    """What a host is in its network."""

    MEMBER = "member"
    SUPERNODE = "supernode"
    """One that indexes what leaves have; in the hybrid family alone."""


def make(family: str, own: Address, rng: Random, now: float, role: Role = Role.MEMBER) -> Discovery:
    """A host's node of this family; raises KeyError when the family has not this role."""
    return (INDEXING if role is Role.SUPERNODE else FAMILIES)[family](own, rng, now)
