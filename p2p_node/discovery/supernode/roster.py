"""The supernodes that a leaf knows of, and in which order it turns to them.

The rule: rendezvous hashing (Thaler and Ravishankar 1998). Each leaf has an order of its own, so leaves spread over all
supernodes, and those of a dead one over all that are left.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

from p2p_node.wire.address import Address, is_ipv6, pack_address
from p2p_node.wire.supernode import MAX_NODES


class Roster:
    """Those that one leaf knows."""

    def __init__(self, own: Address, seed: bytes) -> None:
        self._own = own
        self._seed = seed
        self._ranks: dict[Address, bytes] = {}
        self._failed: dict[Address, float] = {}
        """When those that were silent were asked last."""

    def __len__(self) -> int:
        return len(self._ranks)

    @property
    def favourite(self) -> Address | None:
        """Whom to turn to first."""
        return next(iter(self.turns()), None)

    def add(self, addresses: Iterable[Address]) -> bool:
        """These are supernodes, somebody says; whether some are new. No more than a mesh has are remembered."""
        before = len(self._ranks)
        for address in addresses:
            strange = address == self._own or is_ipv6(address[0]) != is_ipv6(self._own[0])
            if not strange and address not in self._ranks and len(self._ranks) < MAX_NODES:
                self._ranks[address] = blake2b(pack_address(address), key=self._seed, digest_size=8).digest()
        return len(self._ranks) > before

    def turns(self) -> list[Address]:
        """All, in the order in which to turn to them: those that failed come last, who failed longest ago first."""
        return sorted(self._ranks, key=lambda address: (self._failed.get(address, 0.0), self._ranks[address]))

    def failed(self, address: Address, now: float) -> None:
        """It did not answer."""
        if address in self._ranks:
            self._failed[address] = now

    def answered(self, address: Address) -> None:
        """It is there."""
        self._failed.pop(address, None)
