"""Torrents of every version, many files each, to and from libtorrent over real sockets."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import BinaryIO

import libtorrent as lt
import pytest
from clients import QUIET

from p2p_node.core.hashes import HashCollector, leaf_request, proven_leaves
from p2p_node.shell.torrent import Version, create_torrent
from p2p_node.wire import merkle
from p2p_node.wire.frames import decode_frames
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.messages import Hashes, HashReject, HashRequest, encode
from p2p_node.wire.metainfo import decode_info, decode_metainfo

SIZES = {"a.bin": 300_000, "b/empty": 0, "b/c.bin": 16_384, "b/d.bin": 700_001, "z": 5}


@contextmanager
def node(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "p2p_node", *map(str, arguments), "--address", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def tracker() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with node("track", "--port", port) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield f"http://127.0.0.1:{port}/announce"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rng = Random(1)
    for name, size in SIZES.items():
        path = tmp_path / "source" / "item" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))
    return tmp_path / "source" / "item"


def digests(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def libtorrent(torrent: Path, directory: Path) -> tuple[lt.session, lt.torrent_handle]:
    session = lt.session(QUIET | {"listen_interfaces": "127.0.0.1:0"})
    wanted = lt.load_torrent_file(str(torrent))
    wanted.save_path = str(directory)
    return session, session.add_torrent(wanted)


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("version", Version)
def test_libtorrent_seeds_to_us(source: Path, tracker: str, tmp_path: Path, version: Version) -> None:
    """Every file arrives as it is."""
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(source, 32_768, [tracker], version=version))
    session, handle = libtorrent(torrent, source.parent)
    wait_until(lambda: handle.status().is_seeding)
    with node("get", torrent, "--out", tmp_path / "out") as getter:
        assert getter.wait(timeout=30) == 0
    assert digests(tmp_path / "out" / "item") == digests(source)
    del session


@pytest.mark.parametrize("version", Version)
def test_we_seed_to_libtorrent(source: Path, tracker: str, tmp_path: Path, version: Version) -> None:
    """Every file arrives as it is."""
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(source, 32_768, [tracker], version=version))
    with node("seed", torrent, "--data", source, "--port", 0) as seed:
        assert seed.stdout is not None
        seed.stdout.readline()
        session, handle = libtorrent(torrent, tmp_path / "out")
        wait_until(lambda: handle.status().is_seeding)
        wait_until(lambda: digests(tmp_path / "out" / "item") == digests(source))
        del session


def links(torrent: Path, peer: tuple[str, int]) -> dict[str, str]:
    """The magnet links of a torrent by the hashes that they name, one link for each way to name it."""
    metainfo = decode_metainfo(torrent.read_bytes())
    v1, v2 = metainfo.info_hash if metainfo.v1 else None, metainfo.info_hash_v2
    ways = {"v1": (v1, None), "v2": (None, v2), "both": (v1, v2)}
    wanted = ways if v1 and v2 else {"v1": ways["v1"]} if v1 else {"v2": ways["v2"]}
    return {way: Magnet(*hashes, peers=(peer,)).encode() for way, hashes in wanted.items()}


MAGNETS = [
    (Version.V1, "v1"),
    (Version.V2, "v2"),
    (Version.HYBRID, "v1"),
    (Version.HYBRID, "v2"),
    (Version.HYBRID, "both"),
]


@pytest.mark.parametrize(("version", "way"), MAGNETS, ids=lambda value: getattr(value, "value", value))
def test_a_magnet_link_leads_us_to_libtorrent(source: Path, tmp_path: Path, version: Version, way: str) -> None:
    """By whichever hash, and the merkle hashes come from there too."""
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(source, 32_768, version=version))
    session, handle = libtorrent(torrent, source.parent)
    wait_until(lambda: handle.status().is_seeding)
    link = links(torrent, ("127.0.0.1", session.listen_port()))[way]
    with node("get", link, "--out", tmp_path / "out") as getter:
        assert getter.wait(timeout=30) == 0
    assert digests(tmp_path / "out" / "item") == digests(source)
    del session


@pytest.mark.parametrize(("version", "way"), MAGNETS, ids=lambda value: getattr(value, "value", value))
@pytest.mark.parametrize("taker", ["libtorrent", "ours"])
def test_a_magnet_link_leads_to_us(source: Path, tmp_path: Path, version: Version, way: str, taker: str) -> None:
    """Libtorrent, or another of ours, gets metadata, merkle hashes and every file from our seed alone."""
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(source, 32_768, version=version))
    with node("seed", torrent, "--data", source, "--port", 0) as seed:
        assert seed.stdout is not None
        port = int(seed.stdout.readline().rpartition(":")[2])
        link = links(torrent, ("127.0.0.1", port))[way]
        if taker == "ours":
            with node("get", link, "--out", tmp_path / "out") as getter:
                assert getter.wait(timeout=30) == 0
        else:
            session = lt.session(QUIET | {"listen_interfaces": "127.0.0.1:0"})
            wanted = lt.parse_magnet_uri(link)
            wanted.save_path = str(tmp_path / "out")
            handle = session.add_torrent(wanted)
            wait_until(lambda: handle.status().is_seeding)
            wait_until(lambda: digests(tmp_path / "out" / "item") == digests(source))
            del session
    assert digests(tmp_path / "out" / "item") == digests(source)


def test_libtorrent_answers_our_hash_requests(tmp_path: Path) -> None:
    """An info dictionary alone gets its piece layers from it, proved; and leaf hashes that fit our piece (BEP 52)."""
    item = tmp_path / "item"
    item.write_bytes(Random(2).randbytes(600 * 32_768 - 5))
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(item, 32_768, version=Version.V2))
    session, handle = libtorrent(torrent, tmp_path)
    wait_until(lambda: handle.status().is_seeding)
    metainfo = decode_info(decode_metainfo(torrent.read_bytes()).raw_info)
    collector = HashCollector(metainfo)
    with socket.create_connection(("127.0.0.1", session.listen_port()), timeout=5) as link:
        link.sendall(Handshake(metainfo.info_hash, b"-SB0100-hashrequests", v2=True).encode())
        stream = link.makefile("rb")
        assert Handshake.decode(stream.read(68)).info_hash == metainfo.info_hash
        while (request := collector.next_request()) is not None:
            collector.received(ask(link, stream, request))
        assert collector.complete
        leaves = leaf_request(metainfo, 3)
        assert leaves is not None
        piece = item.read_bytes()[3 * 32_768 : 4 * 32_768]
        assert proven_leaves(metainfo, 3, ask(link, stream, leaves)) == merkle.leaves(piece)


def ask(link: socket.socket, stream: BinaryIO, request: HashRequest) -> Hashes:
    """The answer to one request; what else the peer says meanwhile is passed over."""
    link.sendall(encode(request))
    while True:
        head = stream.read(4)
        found, _ = decode_frames(memoryview(head + stream.read(int.from_bytes(head, "big"))))
        for message in found:
            assert not isinstance(message, HashReject)
            if isinstance(message, Hashes):
                return message
