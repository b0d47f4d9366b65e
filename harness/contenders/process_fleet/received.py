"""Who sent how much, by the kernel's own count of every TCP connection: clients that are programs do not tell.

The count includes the protocol's headers, a tenth of a per cent. See sock_diag(7) and linux/inet_diag.h.
"""

from __future__ import annotations

import socket
import struct
import time
from collections import defaultdict
from collections.abc import Iterator

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_INFO = 2  # INET_DIAG_INFO, the attribute that holds a tcp_info
_STATES = 0xFFF & ~(1 << 6) & ~(1 << 10)  # all but TIME_WAIT and LISTEN, which have received nothing
_HEADER = struct.Struct("=IHHII")
_MESSAGE = struct.Struct("=BBBB2s2s4s12s4s12s")
_MESSAGE_SIZE = 72
_ATTRIBUTE = struct.Struct("=HH")
_BYTES_RECEIVED = struct.Struct("=Q")
_BYTES_RECEIVED_OFFSET = 128  # in struct tcp_info (linux/tcp.h)
_REPLY_SIZE = 1 << 16

FRESH_S = 0.25
"""How long a reading is good for: with a fleet's many peers, each asking would cost more than their clients."""

Connection = tuple[str, bytes, str, bytes]
"""Local address and port, remote address and port."""


class Received:
    """Bytes received by every local address from every remote one, since the first reading.

    A connection's count goes with it, so the most that was seen of each is kept.
    """

    def __init__(self) -> None:
        self._read_at = -FRESH_S
        self._seen: dict[Connection, int] = {}
        self._sums: dict[tuple[str, str], int] = {}

    def between(self, local: str, remote: str, *, fresh: bool = False) -> int:
        """Bytes that have come to `local` from `remote`; `fresh` reads the kernel's counts now."""
        now = time.monotonic()
        if fresh or now - self._read_at >= FRESH_S:
            self._read_at = now
            self._read()
        return self._sums.get((local, remote), 0)

    def seen_by(self, local: str) -> int:
        """Bytes that have come to `local` from anywhere, as of the last reading."""
        return sum(count for (receiver, _), count in self._sums.items() if receiver == local)

    def _read(self) -> None:
        for connection, received in _dump():
            self._seen[connection] = max(received, self._seen.get(connection, 0))
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for (local, _, remote, _), received in self._seen.items():
            sums[local, remote] += received
        self._sums = sums


def _dump() -> Iterator[tuple[Connection, int]]:
    """Every TCP connection over IPv4 in this network namespace, with the bytes it has received."""
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 1 << (_INFO - 1), 0, _STATES) + bytes(48)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0)
        kernel.send(header + request)
        while True:
            reply = kernel.recv(_REPLY_SIZE)
            start = 0
            while start < len(reply):
                size, kind, *_ = _HEADER.unpack_from(reply, start)
                if kind in (_DONE, _ERROR):
                    return
                yield _connection(reply[start + _HEADER.size : start + size])
                start += -(-size // 4) * 4


def _connection(message: bytes) -> tuple[Connection, int]:
    _, _, _, _, local_port, remote_port, local, _, remote, _ = _MESSAGE.unpack_from(message)
    connection = (socket.inet_ntoa(local), local_port, socket.inet_ntoa(remote), remote_port)
    start = _MESSAGE_SIZE
    while start + _ATTRIBUTE.size <= len(message):
        size, kind = _ATTRIBUTE.unpack_from(message, start)
        if kind == _INFO and size >= _ATTRIBUTE.size + _BYTES_RECEIVED_OFFSET + _BYTES_RECEIVED.size:
            [received] = _BYTES_RECEIVED.unpack_from(message, start + _ATTRIBUTE.size + _BYTES_RECEIVED_OFFSET)
            return connection, received
        start += max(_ATTRIBUTE.size, -(-size // 4) * 4)
    return connection, 0
