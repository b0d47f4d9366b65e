"""How rare an item is in a network: the classes by which lookups are told apart."""

from enum import StrEnum


class Rarity(StrEnum):
    """By the share of nodes that have the item, from the rarest to what many have."""

    SINGLE = "one node"
    RARE = "under 1%"
    COMMON = "1–10%"
    POPULAR = "over 10%"


def rarity(replicas: int, nodes: int) -> Rarity:
    """The class of an item that so many of the nodes have."""
    if replicas <= 1:
        return Rarity.SINGLE
    share = replicas / nodes
    return Rarity.RARE if share < 0.01 else Rarity.COMMON if share <= 0.1 else Rarity.POPULAR
