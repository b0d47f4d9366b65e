"""Peers on real sockets that find each other by the gossip overlay alone, whoever else talks to their ports."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from random import Random

import uvloop

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.verifying import hashers
from p2p_node.wire.address import Address
from p2p_node.wire.gossip import MAGIC, Answer, Cookie, Frame, Hit, Join, Neighbor, Ping, Pong, Query, Sighting, decode
from p2p_node.wire.gossip import encode as datagram
from p2p_node.wire.metainfo import decode_metainfo, encode_metainfo

CONTENT = Random(1).randbytes(1 << 20)
PIECE = 1 << 16
PATIENCE_S = 15.0
DIGESTS = [hashlib.sha1(CONTENT[at : at + PIECE]).digest() for at in range(0, len(CONTENT), PIECE)]
METAINFO = decode_metainfo(encode_metainfo("item", len(CONTENT), PIECE, DIGESTS, None))
SETTINGS = SwarmSettings()


@asynccontextmanager
async def node(threads: Executor, *contacts: Address) -> AsyncIterator[Peer]:
    """A host of the overlay that has nothing yet."""
    peer = Peer(threads, overlay=Overlay("gossip", contacts))
    await peer.listen("127.0.0.1", 0)
    try:
        await peer.joined()
        yield peer
    finally:
        await peer.leave(abrupt=True)


def download(directory: Path, meddle: Callable[[Peer], None] = lambda _contact: None) -> None:
    """From a seed to a leech who both know nothing but a third host; raises TimeoutError when it does not come to an
    end. `meddle` is told of that host before the leech comes."""
    (directory / "source").write_bytes(CONTENT)

    async def play() -> None:
        async with AsyncExitStack() as stack:
            threads = stack.enter_context(hashers())
            contact = await stack.enter_async_context(node(threads))
            seed = await stack.enter_async_context(node(threads, contact.address))
            have = (1 << METAINFO.piece_count) - 1
            seed.join(METAINFO, Storage(METAINFO, directory / "source", writable=False), have, SETTINGS)
            await asyncio.to_thread(meddle, contact)
            leech = await stack.enter_async_context(node(threads, contact.address))
            leech.join(METAINFO, Storage(METAINFO, directory / "target", writable=True), 0, SETTINGS)
            await asyncio.wait_for(leech.progress.completion(), PATIENCE_S)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
    assert (directory / "target").read_bytes() == CONTENT


def test_who_knows_no_tracker_finds_its_seed_through_others(tmp_path: Path):
    """Neither knows the other's address, and the host that both know has nothing and knows of nothing."""
    download(tmp_path)


def test_garbage_and_floods_on_the_port_stop_nobody(tmp_path: Path):
    """Noise, spoiled frames, requests without a cookie, and thousands of queries and hits of a stranger."""
    rng = Random(2)
    query, hit = Query(bytes(8), bytes(20), bytes(8), 0, 255, 0), Hit(bytes(8), (Sighting(("10.66.0.1", 1), 1),))
    good = [datagram(frame) for frame in (Join(), Neighbor(True), query, hit, Ping(), Answer(True, bytes(8)))]
    bad = [data[: rng.randrange(len(data))] + rng.randbytes(rng.randrange(3)) for data in good for _ in range(20)]

    def meddle(contact: Peer) -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            for data in [*good, *bad, MAGIC, b"", rng.randbytes(60_000), *[datagram(query), datagram(hit)] * 2000]:
                stranger.sendto(data, contact.address)

    download(tmp_path, meddle)


class Liar:
    """A neighbour who answers every query: peers which are none have what is sought. `heard` is what it was told."""

    def __init__(self) -> None:
        self.heard: list[Frame] = []
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)
        self._admitted = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live)
        self._thread.start()

    def enter(self, contact: Peer) -> None:
        """Become the neighbour of this host, and of whoever asks; returns once it is."""
        self._socket.sendto(datagram(Join()), contact.address)
        assert self._admitted.wait(PATIENCE_S)

    def close(self) -> None:
        """End when all that was sent so far is heard."""
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _live(self) -> None:
        while True:
            try:
                data, source = self._socket.recvfrom(2048)
            except TimeoutError:
                if self._ended.is_set():
                    return
                continue
            frame = decode(data)
            self.heard.append(frame)
            if isinstance(frame, Answer) and frame.accepted:
                self._admitted.set()
            for answer in lie(frame):
                self._socket.sendto(datagram(answer), source)


def lie(frame: Frame) -> list[Frame]:
    match frame:
        case Cookie(cookie):
            return [Join(cookie)]
        case Neighbor(_, cookie):
            return [Answer(True, cookie) if any(cookie) else Cookie(b"mycookie")]
        case Ping():
            return [Pong()]
        case Query(lookup, _, _, _, _, hops):
            nobody = [(f"127.0.0.{number}", 9) for number in range(2, 30)]
            return [Hit(lookup, tuple(Sighting(peer, hops + 1) for peer in nobody))]
        case _:
            return []


def test_a_lying_neighbour_keeps_nobody_from_the_truth(tmp_path: Path):
    """The lookup goes on until somebody else has answered, too, or it has gone as far as it may."""
    with closing(Liar()) as liar:
        download(tmp_path, liar.enter)
    assert any(isinstance(frame, Query) for frame in liar.heard)
