"""The sockets that connections are accepted on: one for a single process, or one for each worker on a shared port.

With SO_REUSEPORT the kernel spreads connections over the workers' sockets by a hash of their addresses and ports.
"""

from __future__ import annotations

import errno
import socket
from contextlib import suppress

from baseline_server.errors import BaselineServerError

_BACKLOG = 4096

_UNPACED = b"reno"
"""Congestion control, which every Linux has and lets everybody choose, for clients on this machine, such as a reverse
proxy: there is no queue on their way, and where BBR is the system's choice its timers cost time (ADR 0078)."""


def listen(address: str, port: int, workers: int = 1) -> list[socket.socket]:
    """A listening socket a worker, on a port that was free; 0 takes any. Raises BaselineServerError."""
    try:
        # The first asks for the port alone: with SO_REUSEPORT two servers of one user would share it unnoticed.
        first = _listener(address, port)
        if workers > 1:
            port = first.getsockname()[1]
            first.close()
            return [_listener(address, port, reuse_port=True) for _ in range(workers)]
    except OSError as error:
        raise BaselineServerError(_why_not(error, address, port)) from None
    return [first]


def _listener(address: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    listener = socket.create_server((address, port), backlog=_BACKLOG, reuse_port=reuse_port)
    listener.setblocking(False)
    host, _ = listener.getsockname()
    if host.startswith("127."):
        with suppress(OSError, AttributeError):  # not Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, _UNPACED)  # accepted sockets inherit it
    return listener


def _why_not(error: OSError, address: str, port: int) -> str:
    where = f"cannot listen on {address}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: the port is taken; choose another with --port, or 0 for any free one"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address; choose another with --address"
    if error.errno == errno.EACCES:
        return f"{where}: not permitted; choose a port from 1024 on"
    return f"{where}: {error.strerror or error}"
