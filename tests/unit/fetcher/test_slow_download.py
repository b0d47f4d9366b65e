"""A download that is slower than its reader: it sleeps, and wakes for the first byte and the last."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest
import uvloop
from controlling import speaking

from harness.contenders.fetcher.download import Download
from harness.contenders.fetcher.source import parse
from harness.contenders.hosting.events import PROGRESS_S, progress_pause_s

PACKET = 1448
CONTENT = os.urandom(40 * PACKET)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(CONTENT)


class Counting(Download):
    """Counts how often it is woken."""

    woken = 0

    def buffer_updated(self, nbytes: int) -> None:
        self.woken += 1
        super().buffer_updated(nbytes)


def test_it_sleeps_until_much_has_come_or_all(tmp_path: Path) -> None:
    """A wake-up a packet is half of what a download costs on a slow link."""
    sent_at: list[float] = []

    def drip(sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(HEAD)
        for start in range(0, len(CONTENT), PACKET):
            time.sleep(0.01)
            sent_at.append(time.monotonic())
            sock.sendall(CONTENT[start : start + PACKET])
        time.sleep(0.3)

    async def fetch(at: str) -> Counting:
        download = Counting(parse(at), tmp_path, None, rate=None)
        await download.connect("127.0.4.3")
        await download.finished
        return download

    with speaking(drip) as at:
        download = uvloop.run(fetch(at))
    assert download.path.read_bytes() == CONTENT
    assert download.woken < len(sent_at) / 2
    assert sent_at[0] <= download.first_byte.result() < sent_at[5]
    assert sent_at[-1] <= download.finished.result() < sent_at[-1] + 0.2


@pytest.mark.parametrize(("elapsed_s", "pause_s"), [(0.0, PROGRESS_S), (25.0, PROGRESS_S), (100.0, 1.0), (600.0, 6.0)])
def test_progress_is_told_a_hundredth_of_the_time_apart(elapsed_s: float, pause_s: float) -> None:
    """A thousand downloads of minutes would else keep the harness busy with nothing else."""
    assert progress_pause_s(elapsed_s) == pytest.approx(pause_s)
