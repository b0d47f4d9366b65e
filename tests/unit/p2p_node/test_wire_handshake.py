"""The handshake."""

from __future__ import annotations

import pytest

from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.handshake import LENGTH, Handshake, check_prefix


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("extensions", [True, False])
@pytest.mark.parametrize("dht", [True, False])
def test_a_handshake_survives_a_round_trip(fast: bool, extensions: bool, dht: bool) -> None:
    """Torrent, peer id and reserved bits are read as they were written, in 68 bytes."""
    shake = Handshake(b"h" * 20, b"p" * 20, fast, extensions, dht=dht)
    assert len(shake.encode()) == LENGTH
    assert Handshake.decode(shake.encode()) == shake


@pytest.mark.parametrize("first", [b"\x12", b"GET / HTTP", b"\x13BitTorrent protocoL", b"\x00\x00"])
def test_other_protocols_are_refused_by_their_first_bytes(first: bytes) -> None:
    """Whatever cannot become a handshake is refused at once, so that clients trying encryption redial in plain text."""
    with pytest.raises(ProtocolError):
        check_prefix(first)


def test_a_handshake_that_comes_in_parts_is_waited_for() -> None:
    """A prefix of a handshake is no error yet."""
    whole = Handshake(b"h" * 20, b"p" * 20).encode()
    for length in range(LENGTH):
        check_prefix(whole[:length])
