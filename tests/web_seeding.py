"""Helpers of the tests that download from web seeds over real sockets."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.fetch import fetch
from p2p_node.shell.peer import Peer
from p2p_node.wire.bencoding import decode
from p2p_node.wire.metainfo import encode_torrent
from tests.network import make_torrent

HOST = "127.0.5.1"
CONTENT = Random(19).randbytes(3_000_000)


def torrent_at(path: Path, *web_seeds: str) -> Path:
    """A torrent file of CONTENT without a tracker."""
    path.write_bytes(encode_torrent(decode(make_torrent(CONTENT, 65536).raw_info), web_seeds=web_seeds))
    return path


def download(torrent: Path, directory: Path, rate: float | None = None) -> dict:
    """Fetch the torrent by a peer of its own; returns the event `done`."""

    async def run() -> dict:
        with ThreadPoolExecutor(1) as hasher:
            peer = Peer(hasher, download_rate=rate)
            await peer.listen(HOST, 0)
            last: dict = {}
            async with asyncio.timeout(30):
                async for event in fetch(peer, str(torrent), directory, None, SwarmSettings()):
                    last = event
            await peer.leave()
            return last

    return asyncio.run(run())
