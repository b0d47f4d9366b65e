"""Downloads that are cut short or run out of disk, and go on: real processes, real signals, a real full disk."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from p2p_node.core.node import Tally
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.peer import Peer
from p2p_node.shell.resume import ResumeRecord
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import create_torrent, read_torrent
from p2p_node.wire.metainfo import decode_metainfo
from tests.conftest import require_tool

SIZE = 4 << 20


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Swarm:
    """A tracker and an item; seeds and getters are started by the test."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.running: list[subprocess.Popen[str]] = []
        self.item = directory / "source" / "item"
        self.item.parent.mkdir()
        self.item.write_bytes(Random(3).randbytes(SIZE))
        port = free_port()
        self.line(self.start("track", "--address", "127.0.0.1", "--port", port))
        self.torrent = directory / "item.torrent"
        self.torrent.write_bytes(create_torrent(self.item, 32_768, [f"http://127.0.0.1:{port}/announce"]))

    def start(self, *arguments: object, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        command = [*within, sys.executable, "-m", "p2p_node", *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.running.append(process)
        return process

    def seed(self, *options: object) -> None:
        address = "--address", "127.0.0.1", "--port", 0
        self.line(self.start("seed", self.torrent, "--data", self.item, *address, *options))

    def get(self, out: Path, *options: object, within: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        return self.start("get", self.torrent, "--out", out, "--address", "127.0.0.1", *options, within=within)

    def line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        return process.stdout.readline()

    def right_pieces(self, path: Path) -> int:
        storage = Storage(read_torrent(self.torrent), path, writable=False)
        try:
            return storage.check().bit_count()
        finally:
            storage.close()


@pytest.fixture
def swarm(tmp_path: Path) -> Iterator[Swarm]:
    made = Swarm(tmp_path)
    yield made
    for process in made.running:
        process.kill()
        process.communicate()


async def finish(torrent: Path, path: Path) -> Tally:
    """Do as `get` does, in this process, and say what it took."""
    metainfo = read_torrent(torrent)
    storage = Storage(metainfo, path, writable=True)
    with ThreadPoolExecutor(1) as hasher:
        peer = Peer(hasher)
        await peer.listen("127.0.0.1", 0)
        peer.join(metainfo, storage, storage.check(ResumeRecord(metainfo, storage).read()), SwarmSettings())
        await peer.progress.completion()
        assert peer.node is not None
        tally = peer.node.tally()
        await peer.leave()
    return tally


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_killed_download_goes_on_where_it_was(swarm: Swarm) -> None:
    """After SIGKILL at half, what is on the disk counts again once it is hashed: the second run needs only the rest."""
    swarm.seed("--upload-rate", SIZE / 2)
    out = swarm.directory / "out"
    first = swarm.get(out)
    wait_until(lambda: (out / "item").exists() and swarm.right_pieces(out / "item") > 64)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = swarm.right_pieces(out / "item")
    assert 64 < kept < 128
    tally = asyncio.run(finish(swarm.torrent, out / "item"))
    assert tally.downloaded == SIZE - kept * 32_768
    assert (out / "item").read_bytes() == swarm.item.read_bytes()


def test_a_stopped_download_leaves_a_record(swarm: Swarm) -> None:
    """SIGTERM ends it in good order; the record says what is there, and goes when the download is complete."""
    swarm.seed("--upload-rate", SIZE / 2)
    out = swarm.directory / "out"
    first = swarm.get(out)
    wait_until(lambda: (out / "item").exists() and swarm.right_pieces(out / "item") > 20)
    first.send_signal(signal.SIGTERM)
    assert first.wait(timeout=10) == 128 + signal.SIGTERM
    metainfo = read_torrent(swarm.torrent)
    storage = Storage(metainfo, out / "item", writable=True)
    recorded = ResumeRecord(metainfo, storage).read()
    assert recorded == storage.check() and recorded.bit_count() > 20
    storage.close()
    assert "complete and verified" in swarm.line(swarm.get(out))
    wait_until(lambda: [path.name for path in out.iterdir()] == ["item"])


def test_a_full_disk_pauses_the_download(swarm: Swarm) -> None:
    """One line says so, before the first byte or in the middle; when there is room it goes on by itself."""
    unshare = require_tool("unshare", "util-linux")
    fallocate = require_tool("fallocate", "util-linux")
    out = swarm.directory / "small"
    out.mkdir()
    fill = f"mount -t tmpfs -o size={SIZE + (1 << 20)} small {out} && head -c {2 << 20} /dev/zero > {out}/filler"
    within = (unshare, "-Urm", "sh", "-c", f'{fill} && exec "$@"', "sh")
    getter = swarm.get(out, "--seed-time", "30", within=within)
    assert getter.stderr is not None
    assert "No space left on device" in getter.stderr.readline()
    inside = Path(f"/proc/{getter.pid}/root{out}")
    (inside / "filler").unlink()
    assert "there is room again" in getter.stderr.readline()
    wait_until(lambda: (inside / "item").stat().st_size == SIZE)

    subprocess.run([fallocate, "--punch-hole", "--length", str(SIZE), inside / "item"], check=True)
    room = os.statvfs(inside).f_bavail * 4096 - (1 << 20)
    (inside / "filler").write_bytes(bytes(room))
    swarm.seed()
    assert "No space left on device" in getter.stderr.readline()
    assert 0 < swarm.right_pieces(inside / "item") <= 32
    (inside / "filler").unlink()
    assert "there is room again" in getter.stderr.readline()
    assert "complete and verified" in swarm.line(getter)
    assert (inside / "item").read_bytes() == swarm.item.read_bytes()


def test_pieces_of_changed_files_are_hashed_again(tmp_path: Path) -> None:
    """The record counts only where a file's size and time of change are as they were."""
    for name in "ab":
        (tmp_path / "item" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "item" / name).write_bytes(Random(name).randbytes(64_000))
    metainfo = decode_metainfo(create_torrent(tmp_path / "item", 16_000))
    storage = Storage(metainfo, tmp_path / "item", writable=True)
    record = ResumeRecord(metainfo, storage)
    assert record.read() == 0
    record.write(0b11101111)
    assert record.read() == 0b11101111
    with (tmp_path / "item" / "b").open("r+b") as file:
        file.write(b"changed")
    os.utime(tmp_path / "item" / "b", ns=(0, 0))
    assert record.read() == 0b1111
    assert storage.check(record.read()) == 0b11101111
    record.path.write_bytes(b"\xc1 torn")
    assert record.read() == 0
    record.remove()
    assert not record.path.exists()
    storage.close()


def test_another_torrents_record_does_not_count(tmp_path: Path) -> None:
    """Even if its files look the same."""
    (tmp_path / "item").write_bytes(bytes(64_000))
    metainfos = [decode_metainfo(create_torrent(tmp_path / "item", size)) for size in (16_000, 32_000)]
    storage = Storage(metainfos[0], tmp_path / "item", writable=True)
    ResumeRecord(metainfos[0], storage).write(0b11)
    assert ResumeRecord(metainfos[1], storage).read() == 0
    storage.close()
