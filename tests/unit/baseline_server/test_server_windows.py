"""Windows: shared by those who send the same file, few, and gone with the last of them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from serving import PATIENCE_S, baseline_server

from baseline_server.errors import FileChanged
from baseline_server.files import OpenFile, Root
from baseline_server.windows import MOST, WINDOW, Windows

SIZE = 3 * WINDOW + 100


@pytest.fixture
def file(tmp_path: Path) -> Iterator[OpenFile]:
    (tmp_path / "file").write_bytes(bytes(range(256)) * (SIZE // 256) + bytes(SIZE % 256))
    root = Root(tmp_path)
    file = root.open(b"file")
    yield file
    file.close()
    root.close()


def test_responses_share_a_window(file: OpenFile) -> None:
    """The second finds what the first has mapped; the last to end leaves nothing mapped of a file perhaps deleted."""
    windows = Windows()
    windows.enter(file)
    windows.enter(file)
    assert windows.view(file, 1, 10).obj is windows.view(file, WINDOW - 1, 10).obj
    assert len(windows) == 1
    windows.leave(file)
    assert len(windows) == 1
    windows.leave(file)
    assert len(windows) == 0


def test_a_view_ends_with_its_window(file: OpenFile) -> None:
    """The bytes are those at the offset, up to the window's or the file's end."""
    windows = Windows()
    windows.enter(file)
    assert bytes(windows.view(file, 300, 5)) == bytes((44, 45, 46, 47, 48))
    assert len(windows.view(file, WINDOW - 7, 100)) == 7
    assert len(windows.view(file, 3 * WINDOW, 1000)) == 100


def test_windows_are_few(file: OpenFile, tmp_path: Path) -> None:
    """However much is sent, what is mapped is bounded, and what was used last stays."""
    os.truncate(tmp_path / "file", 2 * MOST * WINDOW)
    root = Root(tmp_path)
    large = root.open(b"file")
    windows = Windows()
    windows.enter(large)
    first = windows.view(large, 0, 1).obj
    for index in range(1, 2 * MOST):
        windows.view(large, index * WINDOW, 1)
        assert windows.view(large, 0, 1).obj is first
        assert len(windows) <= MOST
    large.close()
    root.close()


def test_a_file_that_shrank_cannot_be_mapped(file: OpenFile, tmp_path: Path) -> None:
    """It is not the file that was promised."""
    os.truncate(tmp_path / "file", WINDOW)
    windows = Windows()
    windows.enter(file)
    with pytest.raises(FileChanged):
        windows.view(file, 2 * WINDOW, 1)


def test_a_large_download_stays_out_of_memory(tmp_path: Path) -> None:
    """Two downloads of a file larger than all windows do not make the server grow by it."""
    with (tmp_path / "file").open("wb") as file:
        file.truncate(4 * MOST * WINDOW)
    with baseline_server(tmp_path) as served, ExitStack() as held:
        socks = [held.enter_context(socket.create_connection(served.address, timeout=PATIENCE_S)) for _ in range(2)]
        for sock in socks:
            sock.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        peak = 0
        while socks:
            for sock in list(socks):
                if not sock.recv(1 << 20):
                    socks.remove(sock)
            peak = max(peak, psutil.Process(served.process.pid).memory_info().rss)
        assert peak < 100 << 20
