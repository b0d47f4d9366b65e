"""Ports of this machine."""

from __future__ import annotations

import socket

LOOPBACK = "127.0.0.1"


def free_port(address: str = LOOPBACK) -> int:
    """A port nobody listens on now; who then listens on it tells if somebody was faster."""
    with socket.socket() as trial:
        trial.bind((address, 0))
        return int(trial.getsockname()[1])
