"""The sockets that connections are accepted on, and what these inherit."""

from __future__ import annotations

import socket

import pytest

from baseline_server.listening import listen


def congestion_controls(address: str, workers: int) -> set[bytes]:
    """How connections to a server that listens on this address are sent to."""
    listeners = listen(address, 0, workers)
    try:
        found = {_of(each) for each in listeners}
        if workers == 1:  # which of several that share a port gets a connection is the kernel's choice
            found.add(_accepted(listeners[0]))
        return found
    finally:
        for listener in listeners:
            listener.close()


def _accepted(listener: socket.socket) -> bytes:
    listener.settimeout(10)
    with socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
        sock, _ = listener.accept()
        with sock:
            return _of(sock)


def _of(sock: socket.socket) -> bytes:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")


@pytest.mark.parametrize("workers", [1, 2])
def test_clients_on_this_machine_are_not_paced(workers: int) -> None:
    """Over loopback there is no queue to be gentle to."""
    assert congestion_controls("127.0.0.1", workers) == {b"reno"}


@pytest.mark.parametrize("workers", [1, 2])
def test_for_clients_elsewhere_the_system_chooses(workers: int) -> None:
    """A server that anybody may reach leaves congestion control to who knows the network."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        assert congestion_controls("0.0.0.0", workers) == {_of(other)}
