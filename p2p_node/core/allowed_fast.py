"""Which pieces a starting peer may have while it is choked: the allowed-fast set of BEP 6.

The set follows from the peer's network and the torrent alone, so that whoever grants it grants the same pieces, and
reconnecting or a second address of one network gains nothing.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from p2p_node.wire.address import parsed

SET_SIZE = 10
"""Pieces granted; the number that BEP 6 gives. A peer that has more pieces than this is no longer starting."""

_NETWORK = 0xFFFFFF00

_REMEMBERED = 256
"""Networks whose sets are kept at hand; a crowd comes from few."""


def allowed_fast_set(info_hash: bytes, host: str, piece_count: int, size: int = SET_SIZE) -> list[int]:
    """The pieces that the peer at `host` may request while choked, in canonical order; none for IPv6, of which BEP 6
    does not speak."""
    address = parsed(host)
    return list(_set_of(info_hash, int(address) & _NETWORK, piece_count, size)) if address.version == 4 else []


@lru_cache(_REMEMBERED)
def _set_of(info_hash: bytes, network: int, piece_count: int, size: int) -> tuple[int, ...]:
    chosen: list[int] = []
    state = network.to_bytes(4, "big") + info_hash
    while len(chosen) < min(size, piece_count):
        state = hashlib.sha1(state).digest()
        for at in range(0, len(state), 4):
            piece = int.from_bytes(state[at : at + 4], "big") % piece_count
            if piece not in chosen:
                chosen.append(piece)
    return tuple(chosen[:size])
