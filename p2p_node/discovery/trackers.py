"""All of a torrent's trackers, asked under each of the torrent's names.

A hybrid torrent has two (BEP 52), which trackers take for two swarms: clients of version 2 alone are found in one of
them, those of version 1 in the other. Each name has tiers of its own, so neither waits for the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

from p2p_node.boundary import Effect
from p2p_node.discovery.tiers import Tiers
from p2p_node.discovery.tracker import Identity, Standing
from p2p_node.wire.address import Address


class Trackers:
    """Announces one peer of one torrent; has the inputs of `Tiers`."""

    def __init__(
        self, tiers: Iterable[Sequence[str]], info_hashes: Sequence[bytes], peer_id: bytes, port: int, rng: Random
    ) -> None:
        key, tiers = rng.getrandbits(32), list(tiers)
        self._names = [Tiers(tiers, Identity(info_hash, peer_id, port, key), rng) for info_hash in info_hashes]

    @property
    def timer(self) -> float | None:
        """When `tend` wants to be called."""
        if len(self._names) == 1:
            return self._names[0].timer
        return min((name.timer for name in self._names if name.timer is not None), default=None)

    @property
    def listed(self) -> bool:
        """Whether some tracker knows of this peer under every name, if there are trackers."""
        return all(name.listed for name in self._names)

    @property
    def parted(self) -> bool:
        """Whether, after `stop`, nothing more is to be waited for."""
        return all(name.parted for name in self._names)

    def take_effects(self) -> list[Effect]:
        """What is to be done now; taken once. A notice that concerns every name is there once."""
        effects: dict[Effect, None] = {}
        for name in self._names:
            if name.effects:
                effects |= dict.fromkeys(name.effects)
                name.effects.clear()
        return list(effects) if effects else []

    def tend(self, standing: Standing, now: float) -> None:
        """Announce what is due."""
        for name in self._names:
            name.tend(standing, now)

    def completed(self, now: float) -> None:
        """The download finished."""
        for name in self._names:
            name.completed(now)

    def lonely(self, now: float) -> None:
        """Too few peers are left."""
        for name in self._names:
            name.lonely(now)

    def stop(self, standing: Standing, now: float) -> None:
        """Say goodbye to everybody who knows of us."""
        for name in self._names:
            name.stop(standing, now)

    def replied(self, url: str, data: bytes, now: float) -> tuple[Address, ...]:
        """An HTTP tracker answered; returns the peers it names."""
        name = self._waiting(url)
        return name.replied(url, data, now) if name is not None else ()

    def failed(self, url: str, now: float) -> None:
        """A tracker could not be reached."""
        name = self._waiting(url)
        if name is not None:
            name.failed(url, now)

    def datagram_received(self, data: bytes, ipv6: bool, now: float) -> tuple[Address, ...]:
        """A datagram came that may be a tracker's; returns the peers it names."""
        return tuple(address for name in self._names for address in name.datagram_received(data, ipv6, now))

    def unreachable(self, address: Address, now: float) -> None:
        """No datagram can be sent to this address."""
        for name in self._names:
            name.unreachable(address, now)

    def _waiting(self, url: str) -> Tiers | None:
        # Of two that wait for one tracker the first takes the first answer: their peers are the same torrent's.
        return next((name for name in self._names if name.awaits(url)), None)
