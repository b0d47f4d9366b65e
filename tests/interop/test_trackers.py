"""Trackers with other programs: our node on opentracker, and libtorrent and aria2 on our tracker, over HTTP and UDP.

Nobody is told of a peer but by the tracker under test, so a completed file proves that both sides understood it.
"""

from __future__ import annotations

import contextlib
import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import libtorrent as lt
import pytest
from clients import QUIET
from conftest import require_tool
from programs import opentracker as opentracker_command

from p2p_node.wire.metainfo import decode_metainfo

HOST = "127.0.0.1"
SCHEMES = pytest.mark.parametrize("scheme", ["http", "udp"])
CONTENT = random.Random(3).randbytes(1 << 20)


def node(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "p2p_node", *map(str, arguments)]


@contextlib.contextmanager
def running(command: list[str], directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process, ended with the test."""
    process = subprocess.Popen(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


@contextlib.contextmanager
def our_tracker(directory: Path) -> Iterator[int]:
    with running(node("track", "--address", HOST, "--port", 0), directory) as process:
        found = re.search(r"udp://[\d.]+:(\d+)", first_line(process))
        assert found is not None
        yield int(found[1])


@contextlib.contextmanager
def opentracker(directory: Path, port: int, info_hash: str) -> Iterator[None]:
    """Running, and listening."""
    root = directory / "opentracker"
    with running(opentracker_command(root, HOST, port, bytes.fromhex(info_hash)), directory):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port)):
                break
            time.sleep(0.05)
        yield


def make_torrent(directory: Path, tracker: str) -> tuple[Path, bytes]:
    """The torrent of CONTENT in `item`, and its info-hash."""
    (directory / "item").write_bytes(CONTENT)
    subprocess.run(node("create", directory / "item", "--tracker", tracker), check=True, timeout=60)
    torrent = directory / "item.torrent"
    return torrent, decode_metainfo(torrent.read_bytes()).info_hash


@contextlib.contextmanager
def our_seed(directory: Path, torrent: Path) -> Iterator[None]:
    command = node("seed", torrent, "--data", directory / "item", "--address", HOST, "--port", 0)
    with running(command, directory) as process:
        assert "seeding" in first_line(process)
        yield


def get(directory: Path, torrent: Path) -> Path:
    """Download with our node."""
    out = directory / "got"
    subprocess.run(node("get", torrent, "--out", out, "--address", HOST), check=True, timeout=60)
    return out / "item"


def counts(url: str, info_hash: bytes) -> str:
    scraped = subprocess.run(
        node("scrape", url, "--info-hash", info_hash.hex()), check=True, timeout=60, capture_output=True, text=True
    )
    return scraped.stdout.partition("  ")[2].strip()


@SCHEMES
def test_our_peers_meet_on_opentracker(scheme: str, tmp_path: Path) -> None:
    """Seed and leech find each other, and its counts show both what completed and who left."""
    port = free_port()
    url = f"{scheme}://{HOST}:{port}/announce"
    torrent, info_hash = make_torrent(tmp_path, url)
    with opentracker(tmp_path, port, info_hash.hex()), our_seed(tmp_path, torrent):
        assert get(tmp_path, torrent).read_bytes() == CONTENT
        assert counts(url, info_hash) == "seeds 1  leeches 0  completed 1"


@SCHEMES
def test_libtorrent_seeds_by_way_of_our_tracker(scheme: str, tmp_path: Path) -> None:
    """It announces to us, we tell our leech of it, and its scrape agrees with ours."""
    with our_tracker(tmp_path) as port:
        url = f"{scheme}://{HOST}:{port}/announce"
        torrent, info_hash = make_torrent(tmp_path, url)
        session = lt.session(
            QUIET
            | {
                "listen_interfaces": f"{HOST}:{free_port()}",
                "outgoing_interfaces": HOST,
                "ssrf_mitigation": False,  # which forbids to scrape a tracker on loopback
                "alert_mask": lt.alert.category_t.tracker_notification,
            }
        )
        added = lt.add_torrent_params()
        added.ti, added.save_path = lt.torrent_info(str(torrent)), str(tmp_path)
        handle = session.add_torrent(added)
        assert get(tmp_path, torrent).read_bytes() == CONTENT
        handle.scrape_tracker()
        deadline = time.monotonic() + 20
        scraped = None
        while scraped is None and time.monotonic() < deadline:
            session.wait_for_alert(500)
            scraped = next((a for a in session.pop_alerts() if isinstance(a, lt.scrape_reply_alert)), None)
        assert scraped is not None and (scraped.complete, scraped.incomplete) == (1, 0)
        assert counts(url, info_hash) == "seeds 1  leeches 0  completed 1"


@SCHEMES
def test_aria2_downloads_by_way_of_our_tracker(scheme: str, tmp_path: Path) -> None:
    """It finds our seed, and its goodbye is heard. (Told to seed for no time, it never says `completed`.)"""
    command = require_tool("aria2c", "aria2")
    with our_tracker(tmp_path) as port:
        url = f"{scheme}://{HOST}:{port}/announce"
        torrent, info_hash = make_torrent(tmp_path, url)
        with our_seed(tmp_path, torrent):
            options = (
                f"--no-conf --interface={HOST} --bt-external-ip={HOST} --listen-port={free_port()} --disable-ipv6=true "
                "--seed-time=0 --file-allocation=none --enable-dht=false --enable-dht6=false "
                "--enable-peer-exchange=false --bt-enable-lpd=false --quiet"
            ).split()
            udp = ["--enable-dht=true", f"--dht-listen-port={free_port()}"] if scheme == "udp" else []
            got = tmp_path / "aria2"
            subprocess.run([command, *options, *udp, f"--dir={got}", str(torrent)], check=True, timeout=60)
            assert (got / "item").read_bytes() == CONTENT
            assert counts(url, info_hash).startswith("seeds 1  leeches 0")
