"""The network families by name, each behind the `Discovery` seam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from random import Random
from typing import TypeAlias

from p2p_node.discovery.base import Discovery
from p2p_node.discovery.dht.node import DhtNode
from p2p_node.discovery.gossip.node import GossipNode
from p2p_node.discovery.gossip.settings import WALKING, GossipSettings
from p2p_node.discovery.supernode.leaf import SupernodeLeaf
from p2p_node.discovery.supernode.node import Supernode
from p2p_node.wire.address import Address

Family: TypeAlias = Callable[[Address, Random, float], Discovery]
"""Makes a host's node of an overlay: its own UDP address, its source of randomness, the time now."""

DHT = "dht"

SUPERNODE = "supernode"

FAMILIES: Mapping[str, Family] = {
    DHT: DhtNode,
    "gossip": GossipNode,
    "gossip-walk": partial(GossipNode, settings=GossipSettings(strategy=WALKING)),
    SUPERNODE: SupernodeLeaf,
}

INDEXING: Mapping[str, Family] = {SUPERNODE: Supernode}
"""Who does the work for others, in families where not all do."""


class Role(StrEnum):
    """What a host is in its network."""

    MEMBER = "member"
    SUPERNODE = "supernode"
    """One that indexes what leaves have; in the hybrid family alone."""


def make(family: str, own: Address, rng: Random, now: float, role: Role = Role.MEMBER) -> Discovery:
    """A host's node of this family; raises KeyError when the family has not this role."""
    return (INDEXING if role is Role.SUPERNODE else FAMILIES)[family](own, rng, now)
