"""Magnet links and peer exchange with libtorrent, over loopback."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import libtorrent as lt
import pytest
from clients import PATIENCE_S, libtorrent_client, wait_for

from p2p_node.shell.torrent import create_torrent, magnet_link, read_torrent
from p2p_node.wire.magnet import Magnet

OUR_PORT = 6881


class Item:
    """A file, its torrent without tracker, and the links that name one peer."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "item.bin"
        # More than one part of metadata: 1,000 pieces.
        self.path.write_bytes(Random(1).randbytes(16 * 1024 * 1000 - 5))
        self.torrent = directory / "item.torrent"
        self.torrent.write_bytes(create_torrent(self.path, 16 * 1024, None))

    def link(self, peer: tuple[str, int]) -> str:
        return Magnet(info_hash_v1=read_torrent(self.torrent).info_hash, peers=(peer,)).encode()

    def is_at(self, path: Path) -> bool:
        return hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(self.path.read_bytes()).digest()


@pytest.fixture(scope="module")
def item(tmp_path_factory: pytest.TempPathFactory) -> Item:
    return Item(tmp_path_factory.mktemp("item"))


@contextmanager
def p2p_node(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command, with its log; ended when it has not ended itself."""
    command = [sys.executable, "-m", "p2p_node", "--verbose", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def our_seed(item: Item, host: str, *options: str) -> Iterator[tuple[str, int]]:
    with p2p_node(
        "seed", item.torrent, "--data", item.path, "--address", host, "--port", str(OUR_PORT), *options
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("seeding")
        yield host, OUR_PORT


def peers_of(handle: lt.torrent_handle) -> set[str]:
    return {peer.ip[0] for peer in handle.get_peer_info()}


def test_we_fetch_a_magnet_link_from_libtorrent(item: Item, tmp_path: Path) -> None:
    """Metadata of several parts, then the content."""
    with libtorrent_client("127.0.1.1", 7001) as client:
        seed = client.add_torrent(item.torrent, item.path.parent)
        assert wait_for(lambda: seed.status().is_seeding)
        with p2p_node("get", item.link(client.address), "--out", tmp_path, "--address", "127.0.1.2") as process:
            output, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, output
    assert item.is_at(tmp_path / "item.bin")


def test_libtorrent_fetches_a_magnet_link_from_us(item: Item, tmp_path: Path) -> None:
    """Also from the link that `p2p-node magnet` prints, with the peer's address added by hand."""
    with our_seed(item, "127.0.2.1") as address, libtorrent_client("127.0.2.2", 7001) as client:
        fetched = client.add_magnet(magnet_link(item.torrent), tmp_path)
        fetched.connect_peer(address)
        assert wait_for(lambda: fetched.status().is_seeding)
        client.session.pause()
        assert wait_for(lambda: item.is_at(tmp_path / "item.bin"), 5.0)


def test_libtorrent_learns_of_peers_from_us(item: Item, tmp_path: Path) -> None:
    """Two sessions that know only our seed meet each other."""
    with (
        our_seed(item, "127.0.3.1", "--upload-rate", "200000") as address,
        libtorrent_client("127.0.3.2", 7001) as one,
        libtorrent_client("127.0.3.3", 7001) as other,
    ):
        handles = []
        for name, client in (("one", one), ("other", other)):
            handle = client.add_torrent(item.torrent, tmp_path / name)
            handle.connect_peer(address)
            handles.append(handle)
        assert wait_for(lambda: "127.0.3.3" in peers_of(handles[0]) and "127.0.3.2" in peers_of(handles[1]))


def test_we_learn_of_peers_from_libtorrent(item: Item, tmp_path: Path) -> None:
    """A node that knows only a slow libtorrent leech finds our seed, which only that peer knows."""
    with (
        our_seed(item, "127.0.4.1") as address,
        libtorrent_client("127.0.4.2", 7001) as middle,
    ):
        handle = middle.add_torrent(item.torrent, tmp_path / "middle")
        handle.set_download_limit(20_000)  # it will not have the content in time
        handle.connect_peer(address)
        assert wait_for(lambda: "127.0.4.1" in peers_of(handle))
        with p2p_node(
            "get", item.link(middle.address), "--out", tmp_path / "ours", "--address", "127.0.4.3"
        ) as process:
            output, _ = process.communicate(timeout=2 * PATIENCE_S)
    assert process.returncode == 0, output
    assert item.is_at(tmp_path / "ours" / "item.bin")
