"""A fetch: joins a swarm and tells what happens as events, from `started` to exactly one `done`
(docs/control-api.md)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.errors import NodeError
from p2p_node.shell.peer import Peer
from p2p_node.shell.source import is_magnet, obtain
from p2p_node.shell.storage import Storage

Event = dict[str, Any]


async def fetch(
    peer: Peer, source: str, directory: Path, origin: str | None, settings: SwarmSettings
) -> AsyncIterator[Event]:
    """Fetch the torrent of `source`, a path or a magnet link, into `directory`.

    Bytes from the address `origin` count as the origin's.
    """
    yield {"event": "started", "at": time.monotonic()}
    try:
        metainfo = await obtain(peer, source)
        if is_magnet(source):
            yield {"event": "metadata", "at": time.monotonic(), "name": metainfo.name, "bytes": metainfo.length}
        storage = Storage(metainfo, directory / metainfo.name, writable=True)
        peer.join(metainfo, storage, 0, settings)
    except NodeError as error:
        yield {"event": "done", "at": time.monotonic(), "ok": False, "error": str(error)} | _delivered(peer, origin)
        return
    async for event in _follow(peer):
        yield event
    yield {
        "event": "done",
        "at": peer.progress.completed_at or time.monotonic(),
        "ok": peer.progress.failed is None,
        "error": str(peer.progress.failed) if peer.progress.failed else None,
        "path": str(storage.path),
    } | _delivered(peer, origin)


async def _follow(peer: Peer) -> AsyncIterator[Event]:
    first_peer_told = first_byte_told = False
    pieces_told: float | None = None
    progress = peer.progress
    while not progress.ended:
        await progress.news()
        if progress.first_peer_at is not None and not first_peer_told:
            first_peer_told = True
            yield {"event": "first_peer", "at": progress.first_peer_at}
        if progress.first_byte_at is not None and not first_byte_told:
            first_byte_told = True
            yield {"event": "first_byte", "at": progress.first_byte_at}
        if peer.node is not None and progress.pieces_at != pieces_told:
            pieces_told = progress.pieces_at
            yield {"event": "progress", "at": time.monotonic(), "bytes": peer.node.downloaded}


def _delivered(peer: Peer, origin: str | None) -> Event:
    if peer.node is None:
        return {"bytes": 0, "sources": {"origin": 0, "peers": 0, "webseed": 0}, "wasted_bytes": 0}
    tally = peer.node.tally()
    from_origin = sum(count for (host, _), count in tally.served.items() if host == origin)
    from_peers = tally.downloaded - from_origin - tally.web_seeded
    return {
        "bytes": tally.downloaded,
        "sources": {"origin": from_origin, "peers": from_peers, "webseed": tally.web_seeded},
        "wasted_bytes": tally.wasted,
    }
