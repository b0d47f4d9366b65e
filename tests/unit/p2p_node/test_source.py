"""Where torrents come from, over real sockets: files, and magnet links."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.fetch import fetch
from p2p_node.shell.peer import Peer
from p2p_node.shell.source import obtain
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import Version, create_torrent, magnet_link, read_torrent
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metainfo import Metainfo

PATIENCE_S = 30.0


async def fetch_from_seed(source_of: Any, directory: Path) -> list[dict[str, Any]]:
    """The events of a fetch whose source may name a seed that is running."""
    item = directory / "item.bin"
    item.write_bytes(Random(1).randbytes(1_000_000))
    torrent = directory / "item.torrent"
    torrent.write_bytes(create_torrent(item))
    with ThreadPoolExecutor(1) as hasher:
        seed, leech = Peer(hasher), Peer(hasher)
        await seed.listen("127.0.5.1", 0)
        await leech.listen("127.0.5.2", 0)
        metainfo = read_torrent(torrent)
        seed.join(metainfo, Storage(metainfo, item, False), (1 << metainfo.piece_count) - 1, SwarmSettings())
        try:
            async with asyncio.timeout(PATIENCE_S):
                source = source_of(torrent, seed.address)
                events = fetch(leech, source, directory / "out", None, SwarmSettings())
                return [event async for event in events]
        finally:
            await leech.leave()
            await seed.leave()


def test_a_fetch_of_a_magnet_link_tells_when_the_torrent_is_known(tmp_path: Path) -> None:
    """started, metadata, first_peer, first_byte, …, done; and the file is right."""

    def link(torrent: Path, seed: tuple[str, int]) -> str:
        return Magnet(info_hash_v1=read_torrent(torrent).info_hash, peers=(seed,)).encode()

    (tmp_path / "out").mkdir()
    events = asyncio.run(fetch_from_seed(link, tmp_path))
    assert [event["event"] for event in events][:4] == ["started", "metadata", "first_peer", "first_byte"]
    assert (events[1]["name"], events[1]["bytes"]) == ("item.bin", 1_000_000)
    assert events[-1]["ok"], events[-1]
    assert (tmp_path / "out" / "item.bin").read_bytes() == (tmp_path / "item.bin").read_bytes()


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("magnet:?xt=urn:btih:short", "is not a hash"),
        (f"magnet:?xt=urn:btih:{'a' * 40}", "names no tracker"),
        ("/nowhere/x.torrent", "/nowhere/x.torrent"),
    ],
)
def test_a_source_of_no_use_is_one_line(tmp_path: Path, source: str, complaint: str) -> None:
    """Malformed links, links that name nobody to ask, and files that are not there end the fetch with the reason."""
    events = asyncio.run(fetch_from_seed(lambda *_: source, tmp_path))
    assert [event["event"] for event in events] == ["started", "done"]
    assert not events[1]["ok"] and complaint in events[1]["error"] and "\n" not in events[1]["error"]


def test_the_link_of_a_torrent_says_its_hash_name_and_tracker(tmp_path: Path) -> None:
    """As `p2p-node magnet` prints it."""
    item, torrent = tmp_path / "item.bin", tmp_path / "item.torrent"
    item.write_bytes(b"item")
    torrent.write_bytes(create_torrent(item, None, ["http://tracker/announce"]))
    magnet = Magnet.decode(magnet_link(torrent))
    assert magnet == Magnet(read_torrent(torrent).info_hash, None, "item.bin", ("http://tracker/announce",))


def test_a_magnet_link_hands_its_trackers_and_web_seeds_on(tmp_path: Path) -> None:
    """Each tracker is a tier of its own, as the link says nothing of tiers."""
    item, torrent = tmp_path / "item.bin", tmp_path / "item.torrent"
    item.write_bytes(Random(2).randbytes(100_000))
    torrent.write_bytes(create_torrent(item, None, version=Version.HYBRID))
    urls = ("http://127.0.5.9:1/announce", "udp://127.0.5.9:1")

    async def run() -> Metainfo:
        with ThreadPoolExecutor(1) as hasher:
            seed, leech = Peer(hasher), Peer(hasher)
            await seed.listen("127.0.5.3", 0)
            await leech.listen("127.0.5.4", 0)
            metainfo = read_torrent(torrent)
            seed.join(metainfo, Storage(metainfo, item, False), (1 << metainfo.piece_count) - 1, SwarmSettings())
            link = Magnet(None, metainfo.info_hash_v2, None, urls, ("http://web/item.bin",), (seed.address,))
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await obtain(leech, link.encode())
            finally:
                await leech.leave(abrupt=True)
                await seed.leave(abrupt=True)

    found = asyncio.run(run())
    assert found.raw_info == read_torrent(torrent).raw_info
    assert (found.trackers, found.web_seeds) == (((urls[0],), (urls[1],)), ("http://web/item.bin",))
