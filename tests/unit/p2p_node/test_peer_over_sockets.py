"""Peers on real sockets: whole runs of blocks go through files, sockets and hashing threads, and arrive right."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random

import pytest
import uvloop
from aiohttp import web

from p2p_node.boundary import Dial
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell import dialing
from p2p_node.shell.connection import UNPACED, PeerConnection
from p2p_node.shell.errors import NodeError
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.tracker_server import TrackerServer
from p2p_node.shell.verifying import HASHED_INLINE, hashers
from p2p_node.wire.messages import BLOCK, PIECE_HEADER
from p2p_node.wire.metainfo import Metainfo, decode_metainfo, encode_metainfo


def torrent(content: bytes, piece_length: int, tracker: str) -> Metainfo:
    digests = [hashlib.sha1(content[at : at + piece_length]).digest() for at in range(0, len(content), piece_length)]
    return decode_metainfo(encode_metainfo("item", len(content), piece_length, digests, tracker))


@asynccontextmanager
async def running_tracker() -> AsyncIterator[str]:
    runner = web.AppRunner(TrackerServer(interval=1.0).application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/announce"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_peer(threads: Executor, upload_rate: float | None = None) -> AsyncIterator[Peer]:
    peer = Peer(threads, upload_rate)
    await peer.listen("127.0.0.1", 0)
    try:
        yield peer
    finally:
        await peer.leave(abrupt=True)


async def transfer(content: bytes, piece_length: int, directory: Path, upload_rate: float | None = None) -> int:
    """From `directory/source` to `directory/target`; returns the bytes that came over the wire. Raises NodeError
    when seed or leech cannot go on."""
    async with AsyncExitStack() as stack:
        metainfo = torrent(content, piece_length, await stack.enter_async_context(running_tracker()))
        threads = stack.enter_context(hashers())
        seed = await stack.enter_async_context(running_peer(threads, upload_rate))
        leech = await stack.enter_async_context(running_peer(threads))
        everything = (1 << metainfo.piece_count) - 1
        seed.join(metainfo, Storage(metainfo, directory / "source", writable=False), everything, SwarmSettings())
        leech.join(metainfo, Storage(metainfo, directory / "target", writable=True), 0, SwarmSettings())
        # A seed never completes: its end can only be a failure.
        ends = {asyncio.create_task(peer.progress.completion()) for peer in (seed, leech)}
        done, waiting = await asyncio.wait(ends, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        assert done, "the transfer stands still"
        done.pop().result()
        return leech.traffic.received


def play(content: bytes, piece_length: int, directory: Path, upload_rate: float | None = None) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(transfer(content, piece_length, directory, upload_rate))


@pytest.mark.parametrize("piece_length", [16 * 1024, HASHED_INLINE, 50_000, 1 << 20])
def test_what_arrives_is_what_was_served(piece_length: int, tmp_path: Path) -> None:
    """With pieces hashed on the loop and on threads, and with blocks of odd sizes."""
    content = Random(piece_length).randbytes(5_000_001)
    (tmp_path / "source").write_bytes(content)
    play(content, piece_length, tmp_path)
    assert (tmp_path / "target").read_bytes() == content


def test_on_a_fast_link_blocks_travel_in_runs(tmp_path: Path) -> None:
    """Fewer messages than blocks carry the content – far fewer, where nothing else keeps the machine busy."""
    content = Random(4).randbytes(32 << 20)
    (tmp_path / "source").write_bytes(content)
    received = play(content, 2 << 20, tmp_path)
    assert (tmp_path / "target").read_bytes() == content
    assert received - len(content) < PIECE_HEADER * len(content) // BLOCK * 9 // 10


def test_a_capped_upload_keeps_to_its_rate(tmp_path: Path) -> None:
    """Two MiB at four MiB/s take half a second."""
    content = Random(1).randbytes(2 << 20)
    (tmp_path / "source").write_bytes(content)
    began = time.monotonic()
    play(content, 1 << 17, tmp_path, 4 << 20)
    assert 0.4 < time.monotonic() - began < 3.0


def test_a_dial_that_comes_about_as_its_time_is_up_leaves_no_dead_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy loop sees both at once and closes the socket: the peer must not go on talking to it."""
    monkeypatch.setattr(dialing, "DIAL_S", 0.001)
    content = bytes(BLOCK)
    metainfo = torrent(content, BLOCK, "http://127.0.0.1:9/announce")

    async def dial() -> list[PeerConnection]:
        made: list[PeerConnection] = []
        with hashers() as threads:
            async with running_peer(threads) as peer, running_peer(threads) as other:
                peer.join(metainfo, Storage(metainfo, tmp_path / "target", writable=True), 0, SwarmSettings())

                def connection() -> PeerConnection:
                    made.append(PeerConnection(peer, len(made), True))
                    return made[-1]

                dials = dialing.Dialing("127.0.0.1", connection, peer.feed)
                for _ in range(20):
                    dials.dial(Dial(other.address))
                    await asyncio.sleep(0)
                    time.sleep(0.003)  # noqa: ASYNC251 – the loop is busy
                    await asyncio.sleep(0.001)
                assert peer.connection_count == sum(each.transport is not None for each in made)
                for each in made:
                    each.write(b"still there")
        return made

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert any(each.made for each in runner.run(dial()))


def test_a_file_that_became_shorter_ends_its_seed_with_an_error(tmp_path: Path) -> None:
    """It says which file, instead of dying of a signal or sending zeros."""
    content = Random(2).randbytes(1 << 20)
    (tmp_path / "source").write_bytes(content[: 1 << 19])
    with pytest.raises(NodeError, match="source is shorter than it was"):
        play(content, 1 << 17, tmp_path)


def test_connections_within_the_machine_are_not_paced(tmp_path: Path) -> None:
    """Whatever congestion control the system prefers: over loopback there is no queue to be gentle to."""
    metainfo = torrent(bytes(BLOCK), BLOCK, "http://127.0.0.1:9/announce")

    async def choice() -> bytes:
        with hashers() as threads:
            async with running_peer(threads) as peer, running_peer(threads) as other:
                peer.join(metainfo, Storage(metainfo, tmp_path / "target", writable=True), 0, SwarmSettings())
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: PeerConnection(peer, 0, True), *other.address
                )
                sock = transport.get_extra_info("socket")
                return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).rstrip(b"\0")

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(choice()) == UNPACED
