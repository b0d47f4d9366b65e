"""The seam that every network family stands behind: how a host finds who has an item, and is found, sans-IO.

A `Discovery` is one host's node of an overlay – structured, unstructured or hybrid. It serves all torrents of its host
and lives as long as the host does. Inputs are its methods, each with `now`; whoever drives it then sends
`take_datagrams()`, hears `take_findings()`, and calls `tick` at `timer`. All it says goes over UDP.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

import msgspec

from p2p_node.boundary import SendDatagram
from p2p_node.wire.address import Address

Key: TypeAlias = bytes
"""What is looked for: the 20 bytes of an info-hash (of version 2: its first 20, BEP 52)."""

LookupId: TypeAlias = bytes
"""Names one lookup, in the whole network where the family's messages carry it; random."""


class Found(msgspec.Struct, frozen=True):
    """Peers that have the item, not yet named in this lookup; told by a node `hops` hops away: a direct answer is
    1, and 0 what the node that looks had on record itself."""

    lookup: LookupId
    peers: tuple[Address, ...]
    hops: int


class Ended(msgspec.Struct, frozen=True):
    """A lookup is over: nothing more will be found by it. `hops` is the longest path that it went."""

    lookup: LookupId
    hops: int


Finding: TypeAlias = Found | Ended


class Cost(msgspec.Struct):
    """What was sent on behalf of one lookup."""

    messages: int = 0
    bytes: int = 0

    def add(self, size: int) -> None:
        """A message of `size` bytes was sent."""
        self.messages += 1
        self.bytes += size


class Census(msgspec.Struct, frozen=True):
    """A node's state and what it has done so far, in counts.

    `neighbours` are the nodes it would talk to now, `entries` all that it remembers of others (contacts, items,
    queries under way), `dropped` what it had no time or room for, `refused` what was malformed, forged or abusive.
    """

    neighbours: int
    entries: int
    sent: int
    sent_bytes: int
    received: int
    dropped: int
    refused: int


class Discovery(Protocol):
    """One host's node of an overlay."""

    @property
    def timer(self) -> float | None:
        """When `tick` wants to be called."""
        ...

    @property
    def joined(self) -> bool:
        """Whether it is part of the overlay, so that lookups can succeed."""
        ...

    def join(self, contacts: Iterable[Address], now: float) -> None:
        """Enter the overlay through these nodes; the first node of an overlay has none. More may be named later."""
        ...

    def provide(self, key: Key, port: int, now: float) -> None:
        """This host has the item, on this TCP port: let others find it, until withdrawn."""
        ...

    def withdraw(self, key: Key, now: float) -> None:
        """This host no longer has the item."""
        ...

    def seek(self, key: Key, now: float) -> LookupId:
        """Look for who has the item; answered by `Found`s and one `Ended`. Seeking alone makes nobody a provider."""
        ...

    def abandon(self, lookup: LookupId, now: float) -> None:
        """No more is needed of this lookup; it tells no more."""
        ...

    def datagram_received(self, source: Address, data: bytes, now: float) -> bool:
        """A datagram came to the host's port. False when it is of another protocol, and so for somebody else."""
        ...

    def tick(self, now: float) -> None:
        """The timer came due."""
        ...

    def leave(self, now: float) -> None:
        """Say goodbye where the family has one."""
        ...

    def take_datagrams(self) -> list[SendDatagram]:
        """What is to be sent now; taken once."""
        ...

    def take_findings(self) -> list[Finding]:
        """What lookups found; taken once."""
        ...

    def take_costs(self) -> Mapping[LookupId, Cost]:
        """What was sent for each lookup, anybody's, since this was last taken; summed over all nodes of a network it
        is what a lookup cost. Where messages carry no id, the seeker counts the answers it gets as well."""
        ...

    def census(self) -> Census:
        """Its figures now."""
        ...
