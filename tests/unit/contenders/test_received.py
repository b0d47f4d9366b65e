"""The kernel's own count of who sent how much."""

from __future__ import annotations

import socket

from harness.contenders.process_fleet.received import Received


def connected(local: str, remote: str) -> tuple[socket.socket, socket.socket]:
    with socket.socket() as listener:
        listener.bind((remote, 0))
        listener.listen()
        ours = socket.create_connection(listener.getsockname(), source_address=(local, 0))
        return ours, listener.accept()[0]


def test_bytes_are_counted_by_the_pair_of_addresses():
    """Over every connection between the two, and in one direction only."""
    received = Received()
    pairs = [connected("127.6.0.1", "127.6.0.2") for _ in range(2)]
    for ours, theirs in pairs:
        theirs.sendall(bytes(3000))
        ours.recv(3000, socket.MSG_WAITALL)
        ours.sendall(b"thanks")
        theirs.recv(6, socket.MSG_WAITALL)
    assert received.between("127.6.0.1", "127.6.0.2") == 6000
    assert received.between("127.6.0.2", "127.6.0.1") == 12
    assert received.between("127.6.0.1", "127.6.0.3") == 0
    for ours, theirs in pairs:
        ours.close()
        theirs.close()


def test_what_a_closed_connection_had_received_is_kept():
    """Clients hang up on each other before the end."""
    received = Received()
    ours, theirs = connected("127.6.1.1", "127.6.1.2")
    theirs.sendall(bytes(3000))
    ours.recv(3000, socket.MSG_WAITALL)
    assert received.between("127.6.1.1", "127.6.1.2", fresh=True) == 3000
    ours.close()
    theirs.close()
    assert received.between("127.6.1.1", "127.6.1.2", fresh=True) == 3000
