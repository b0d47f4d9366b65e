"""The tracker on real sockets, HTTP and UDP on one port, used by real peers and by the command line's scrape."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import web

from p2p_node.core.swarm import SwarmSettings
from p2p_node.discovery.tiers import PATIENCE_S
from p2p_node.shell import announcing
from p2p_node.shell.announcing import TrackerHttp
from p2p_node.shell.errors import NodeError
from p2p_node.shell.peer import Peer
from p2p_node.shell.scraping import scrape
from p2p_node.shell.storage import Storage
from p2p_node.shell.tracker_server import TrackerServer
from p2p_node.wire.metainfo import Metainfo, decode_metainfo, encode_metainfo
from p2p_node.wire.scrape import SwarmCounts

CONTENT = bytes(range(256)) * 1024


def torrent(tracker: str) -> Metainfo:
    digests = [hashlib.sha1(CONTENT[at : at + 65536]).digest() for at in range(0, len(CONTENT), 65536)]
    return decode_metainfo(encode_metainfo("item", len(CONTENT), 65536, digests, tracker))


@pytest.mark.parametrize(
    ("scheme", "host"),
    [("http", "127.0.0.1"), ("udp", "127.0.0.1"), ("udp", "localhost"), ("http", "::1"), ("udp", "::1")],
)
def test_a_swarm_meets_over_the_tracker_and_leaves_it(scheme: str, host: str, tmp_path: Path) -> None:
    """A leech finds the seed, completes and says goodbye; the tracker's counts follow."""

    async def swarm() -> list[SwarmCounts]:
        tracker = TrackerServer(60.0)
        address, port = await tracker.listen("127.0.0.1" if host == "localhost" else host, 0)
        url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/announce"
        metainfo = torrent(url)
        (tmp_path / "seed").write_bytes(CONTENT)
        with ThreadPoolExecutor(1) as hasher:
            seed, leech = Peer(hasher), Peer(hasher)
            for peer in (seed, leech):
                await peer.listen(address, 0)
            seed.join(
                metainfo, Storage(metainfo, tmp_path / "seed", False), (1 << metainfo.piece_count) - 1, SwarmSettings()
            )
            leech.join(metainfo, Storage(metainfo, tmp_path / "leech", True), 0, SwarmSettings())
            await leech.progress.completion()
            await leech.leave()
            seen = [await scrape(url, metainfo.info_hash)]
            await seed.leave()
            seen.append(await scrape(url, metainfo.info_hash))
        await tracker.close()
        return seen

    try:
        socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except OSError:
        pytest.skip(f"this machine has no {host}")
    assert asyncio.run(swarm()) == [SwarmCounts(1, 0, 1), SwarmCounts(0, 0, 0)]
    assert (tmp_path / "leech").read_bytes() == CONTENT


def get(handler: Callable[[web.Request], object]) -> bytes:
    """What `TrackerHttp` makes of a tracker that answers so."""

    async def ask() -> bytes:
        app = web.Application()
        app.router.add_get("/announce", handler)  # type: ignore[arg-type]
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        http = TrackerHttp("127.0.0.1")
        try:
            return await http.get(f"http://127.0.0.1:{port}/announce?info_hash=%ff%20")
        finally:
            await runner.cleanup()

    return asyncio.run(ask())


def test_an_answer_is_read_whole_and_the_query_arrives_as_it_was_escaped() -> None:
    """Also when it comes in parts."""

    async def in_parts(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in (b"info_hash=%ff%20", b" and ", request.rel_url.raw_query_string.encode()):
            await response.write(part)
            await asyncio.sleep(0.02)
        return response

    assert get(in_parts) == b"info_hash=%ff%20 and info_hash=%ff%20"


@pytest.mark.parametrize("packed", [False, True])
def test_an_answer_that_never_ends_is_cut_off(packed: bool) -> None:
    """Also one that is small only while it is compressed."""

    async def endless(_request: web.Request) -> web.Response:
        response = web.Response(body=bytes(announcing.MAX_REPLY + 1))
        if packed:
            response.enable_compression(web.ContentCoding.gzip)
        return response

    with pytest.raises(NodeError, match="more than"):
        get(endless)


def test_redirects_end() -> None:
    """A tracker that always points elsewhere is an error, not a loop."""

    async def elsewhere(_request: web.Request) -> web.Response:
        raise web.HTTPFound("/announce")

    with pytest.raises(NodeError):
        get(elsewhere)


def test_a_slow_answer_is_waited_for_no_longer_than_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time counts from the question to the answer's end."""
    monkeypatch.setattr(announcing, "ANNOUNCE_S", 0.2)

    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    with pytest.raises(NodeError):
        get(slow)


@pytest.mark.parametrize("unreachable", [f"udp://{'x' * 64}:6969", "udp://[0::1]:6969", "http://127.0.0.1:1/announce"])
def test_a_tracker_that_cannot_be_reached_gives_way_at_once(unreachable: str, tmp_path: Path) -> None:
    """An impossible name, an address of another family, a closed port: the next tracker need not wait."""

    async def first_announce() -> float:
        tracker = TrackerServer(60.0)
        _, port = await tracker.listen("127.0.0.1", 0)
        metainfo = torrent("")
        metainfo = dataclasses.replace(metainfo, trackers=((unreachable,), (f"udp://127.0.0.1:{port}",)))
        with ThreadPoolExecutor(1) as hasher:
            peer = Peer(hasher)
            await peer.listen("127.0.0.1", 0)
            began = time.monotonic()
            peer.join(metainfo, Storage(metainfo, tmp_path / "item", True), 0, SwarmSettings())
            for _ in range(200):
                if (await scrape(f"udp://127.0.0.1:{port}", metainfo.info_hash)).leeches:
                    break
                await asyncio.sleep(0.05)
            waited = time.monotonic() - began
            await peer.leave()
        await tracker.close()
        return waited

    assert asyncio.run(first_announce()) < PATIENCE_S
