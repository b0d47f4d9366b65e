"""Runs on real sockets: received in whatever parts they come, and finished by another peer when they break off."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import pytest
import uvloop

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.connection import WORTH_LANDING
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.verifying import hashers
from p2p_node.wire import messages as wire
from p2p_node.wire.extension import ExtensionHandshake
from p2p_node.wire.frames import decode_frames
from p2p_node.wire.handshake import LENGTH, Handshake
from tests.network import make_torrent

PIECE = 1 << 20
CONTENT = Random(6).randbytes(8 * PIECE)
METAINFO = make_torrent(CONTENT, PIECE, ())
PATIENCE_S = 20.0


class RunSeed:
    """A seed after a script: it answers each request in one message, sent in parts of `part` bytes, and breaks off, if
    it is to, in the middle of the first run that is long enough to land."""

    def __init__(self, part: int, breaks_off: bool = False) -> None:
        self.longest = 0
        self._part = part
        self._breaks_off = breaks_off

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(LENGTH)
        writer.write(Handshake(METAINFO.info_hash, os.urandom(20)).encode())
        for message in (wire.Extended(0, ExtensionHandshake(run=wire.RUN).encode()), wire.HaveAll(), wire.Unchoke()):
            writer.write(wire.encode(message))
        kept = b""
        while data := await reader.read(1 << 16):
            messages, used = decode_frames(memoryview(kept + data))
            kept = (kept + data)[used:]
            for request in messages:
                if isinstance(request, wire.Request) and not await self._answer(request, writer):
                    return
        writer.close()

    async def _answer(self, request: wire.Request, writer: asyncio.StreamWriter) -> bool:
        self.longest = max(self.longest, request.length)
        start = request.piece * PIECE + request.begin
        block = wire.Piece(request.piece, request.begin, CONTENT[start : start + request.length])
        frame = wire.encode(block)
        broken = self._breaks_off and request.length >= WORTH_LANDING
        for at in range(0, len(frame) // 2 if broken else len(frame), self._part):
            writer.write(frame[at : at + self._part])
            await writer.drain()
            await asyncio.sleep(0)
        if broken:
            writer.close()
        return not broken


async def fetch(seeds: list[RunSeed], directory: Path) -> int:
    """Download from these seeds, one after the other as they leave, and return what was wasted."""
    async with AsyncExitStack() as stack:
        leech = Peer(stack.enter_context(hashers()))
        await leech.listen("127.0.0.1", 0)
        stack.push_async_callback(leech.leave, True)
        leech.join(METAINFO, Storage(METAINFO, directory / "target", writable=True), 0, SwarmSettings())
        for seed in seeds:
            server = await asyncio.start_server(seed.serve, "127.0.0.1", 0)
            stack.callback(server.close)
            address = server.sockets[0].getsockname()[:2]
            leech.feed(lambda node, now, address=address: (node.learn([address], now), node.tick(now)))
        await asyncio.wait_for(leech.progress.completion(), PATIENCE_S)
        assert leech.node is not None
        return leech.node.tally().wasted


@pytest.mark.parametrize("part", [1000, 100_000, 3 << 20])
def test_runs_land_in_whatever_parts_they_come(part: int, tmp_path: Path) -> None:
    """With the head alone, with half of the run behind it, and with the next ones."""
    seed = RunSeed(part)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(fetch([seed], tmp_path)) == 0
    assert (tmp_path / "target").read_bytes() == CONTENT
    assert seed.longest >= WORTH_LANDING


def test_a_run_that_breaks_off_is_fetched_elsewhere(tmp_path: Path) -> None:
    """What came of it does not count, and is no hindrance."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(fetch([RunSeed(100_000, breaks_off=True), RunSeed(100_000)], tmp_path))
    assert (tmp_path / "target").read_bytes() == CONTENT
