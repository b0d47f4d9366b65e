"""One download: a connection from the peer's own address, and the bytes that come over it into an item's file."""

from __future__ import annotations

import asyncio
import mmap
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import cast

from harness.contenders.fetcher.head import HeadReader
from harness.contenders.fetcher.item import ItemFile
from harness.contenders.fetcher.pace import Pace
from harness.contenders.fetcher.source import Source
from harness.contenders.hosting.errors import FetchFailed

_BUFFER = memoryview(mmap.mmap(-1, 1 << 20))
"""Where all downloads of the process receive: bytes are stored before the next read, so one buffer serves a thousand
peers. 256 KiB cost a fifth more CPU a byte (ADR 0003)."""
_WORTH_WAKING = 1 << 14
"""Where reads bring less than twice this, the link is slower than the reader, which then sleeps until so much, or all
the rest, has come (SO_RCVLOWAT): a wake-up a packet is half of what a download costs there."""
_CONNECT_S = 60.0
_SMALLEST_RECEIVE_BUFFER = 16 * 1024
_RECEIVE_BUFFER_S = 0.1
"""Seconds of a capped rate that the kernel may hold; with its own choice of megabytes a cap would hardly be felt."""
_WINDOW = 1 << 20
"""Bytes in flight to one download where the path has no delay to fill: what waits in a socket has left the caches when
it is read, and with the kernel's choice of many megabytes 64 downloads cost both ends a tenth more (ADR 0056)."""
_NO_DELAY_US = 1000
"""A round trip up to which `_WINDOW` is no limit: a mebibyte a millisecond is 8 Gbit/s."""
_TCP_INFO_RTT = 68  # offset of tcpi_rtt, microseconds, in struct tcp_info (linux/tcp.h)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s
_BIND_ADDRESS_NO_PORT = 24  # Linux: choose the port at connect(), so that many connections may share an address's ports


class Download(asyncio.BufferedProtocol):
    """Receives one response. `first_byte` and `finished` tell when; `finished` fails with FetchFailed."""

    def __init__(self, source: Source, directory: Path, sha256: str | None, *, rate: float | None) -> None:
        loop = asyncio.get_running_loop()
        self.first_byte: asyncio.Future[float] = loop.create_future()
        self.finished: asyncio.Future[float] = loop.create_future()
        self.received = 0
        self._loop = loop
        self._source = source
        self._path = directory / source.filename
        self._sha256 = sha256
        self._rate = rate
        self._pace = Pace(rate, time.monotonic()) if rate is not None else None
        self._view = _BUFFER if self._pace is None else _BUFFER[: self._pace.read_size]
        self._head: HeadReader | None = HeadReader()
        self._item: ItemFile | None = None
        self._transport: asyncio.Transport | None = None
        self._resume: asyncio.TimerHandle | None = None
        self._wake_at = 1

    @property
    def path(self) -> Path:
        """Where the item is stored once the download has finished."""
        return self._path

    @property
    def stored(self) -> int:
        """Bytes hashed and stored so far."""
        return self._item.stored if self._item else 0

    async def connect(self, address: str) -> None:
        """Connect to the source from `address`. Raises FetchFailed."""
        await _connect(self, self._source, address, self._rate)

    # -- the protocol of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the item."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports are none by inheritance
        self._transport.write(self._source.request)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes that came."""
        if self.finished.done():
            return
        try:
            self._take(self._view[:nbytes])
        except FetchFailed as failure:
            self.fail(failure)
        if self.finished.done():
            return
        if self._pace is not None:
            self._hold_back(self._pace.delay_s(nbytes, time.monotonic()))
        elif self._item is not None and self.received:  # the first byte is told when it comes
            left = self._item.length - self._item.stored
            self._sleep(min(left, _WORTH_WAKING) if nbytes < 2 * _WORTH_WAKING else 1)

    def eof_received(self) -> None:
        """The server has sent all it wants to send."""
        if not self.finished.done():
            of = f" of {self._item.length}" if self._item else ""
            self.fail(FetchFailed(f"the server closed the connection after {self.received}{of} bytes"))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        why = f": {_reason(exc)}" if isinstance(exc, OSError) else ""
        of = f" of {self._item.length}" if self._item else ""
        self.fail(FetchFailed(f"the connection was lost after {self.received}{of} bytes{why}"))

    # -- bytes

    def _take(self, data: memoryview) -> None:
        if self._head is not None:
            body = self._head.receive(data)
            if body is None:
                return
            length, data = body
            self._head = None
            self._item = ItemFile(self._path, length, self._sha256)
        assert self._item is not None
        if data and not self.received:
            self.first_byte.set_result(time.monotonic())
        self.received += len(data)
        self._item.append(data)
        if self._item.stored == self._item.length:
            self._item.verify()
            self._item.close()
            self.finished.set_result(time.monotonic())
            self.hang_up()

    def _sleep(self, wake_at: int) -> None:
        if wake_at != self._wake_at and self._transport is not None:
            self._wake_at = wake_at
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, wake_at)

    def _hold_back(self, delay_s: float) -> None:
        if delay_s > 0.0 and self._transport is not None:
            self._transport.pause_reading()
            self._resume = self._loop.call_later(delay_s, self._transport.resume_reading)

    # -- the end

    def fail(self, failure: FetchFailed, *, abrupt: bool = False) -> None:
        """End the download, if it has not ended; `abrupt` resets the connection instead of closing it."""
        if self.finished.done():
            return
        if self._item is not None:
            self._item.discard()
        self.finished.set_exception(failure)
        if abrupt and self._transport is not None:
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection, however far it has come."""
        if self._resume is not None:
            self._resume.cancel()
        if self._transport is not None:
            self._transport.abort()


async def _connect(download: Download, source: Source, address: str, rate: float | None) -> None:
    loop = asyncio.get_running_loop()
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        if sys.platform == "linux":
            sock.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
        if rate is not None:
            size = max(_SMALLEST_RECEIVE_BUFFER, int(rate * _RECEIVE_BUFFER_S))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        sock.bind((address, 0))
        async with asyncio.timeout(_CONNECT_S):
            await loop.sock_connect(sock, (source.host, source.port))
            _keep_in_cache(sock)
            await loop.create_connection(lambda: download, sock=sock)
    except TimeoutError:
        sock.close()
        raise FetchFailed(f"cannot connect to {source.host}:{source.port} within {_CONNECT_S:.0f} s") from None
    except OSError as error:
        sock.close()
        raise FetchFailed(f"cannot connect to {source.host}:{source.port}: {_reason(error)}") from None
    except BaseException:
        sock.close()
        raise


def _keep_in_cache(sock: socket.socket) -> None:
    if sys.platform == "linux":
        [rtt_us] = struct.unpack_from("=I", sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), _TCP_INFO_RTT)
        if rtt_us <= _NO_DELAY_US:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_WINDOW_CLAMP, _WINDOW)


def _reason(error: OSError) -> str:
    """What the system says; the loop's own wording repeats the address."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
