"""The network families by name, each behind the `Discovery` seam."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import TypeAlias

from p2p_node.discovery.base import Discovery
from p2p_node.discovery.dht.node import DhtNode
from p2p_node.discovery.gossip.node import GossipNode
from p2p_node.discovery.gossip.settings import WALKING, GossipSettings
from p2p_node.wire.address import Address

Family: TypeAlias = Callable[[Address, Random, float], Discovery]
"""Makes a host's node of an overlay: its own UDP address, its source of randomness, the time now."""

DHT = "dht"

FAMILIES: Mapping[str, Family] = {
    DHT: DhtNode,
    "gossip": GossipNode,
    "gossip-walk": partial(GossipNode, settings=GossipSettings(strategy=WALKING)),
}
