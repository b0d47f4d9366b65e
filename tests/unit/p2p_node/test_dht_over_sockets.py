"""Peers with a DHT on real sockets: they meet by it alone, whoever floods them, and tell each other of their nodes."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from p2p_node.core.swarm import SwarmSettings
from p2p_node.discovery.families import DHT
from p2p_node.shell.discovering import Overlay
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.verifying import hashers
from p2p_node.wire.address import Address
from p2p_node.wire.handshake import LENGTH, Handshake
from p2p_node.wire.krpc import AnnouncePeer, Answer, GetPeers, NodeInfo, Query, decode, encode_answer, encode_query
from p2p_node.wire.messages import Port, encode
from p2p_node.wire.metainfo import decode_metainfo, encode_metainfo

HOST = "127.0.0.1"
CONTENT = Random(9).randbytes(200_000)
METAINFO = decode_metainfo(encode_metainfo("item", len(CONTENT), 1 << 18, [hashlib.sha1(CONTENT).digest()], None))
KEY = METAINFO.info_hash
PATIENCE_S = 15.0


@asynccontextmanager
async def dht_peer(hasher: Executor, path: Path, have: int, *contacts: Address) -> AsyncIterator[Peer]:
    """A peer of the item that enters the DHT through these nodes."""
    peer = Peer(hasher, overlay=Overlay(DHT, contacts))
    await peer.listen(HOST, 0)
    try:
        await peer.joined()
        peer.join(METAINFO, Storage(METAINFO, path, writable=not have), have, SwarmSettings())
        yield peer
    finally:
        await peer.leave(abrupt=True)


def flood(victim: Address) -> None:
    """All that a node should not be sent, many times over."""
    rng = Random(1)
    query = encode_query(Query(b"tx", bytes(20), GetPeers(KEY)))
    lies = tuple(NodeInfo(rng.randbytes(20), (HOST, 9)) for _ in range(8))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        for _ in range(500):
            forged = AnnouncePeer(KEY, 9, rng.randbytes(8))
            for data in (
                b"d" + rng.randbytes(60),
                query[: rng.randrange(1, len(query))],
                encode_query(Query(rng.randbytes(4), rng.randbytes(20), forged)),
                encode_answer(Answer(rng.randbytes(4), rng.randbytes(20), lies, ((HOST, 9),), b"token")),
            ):
                attacker.sendto(data, victim)


def test_peers_meet_by_the_dht_alone_while_it_is_flooded(tmp_path: Path) -> None:
    """The leech knows one node, which has nothing to do with the item, and is being flooded as the seed is."""
    (tmp_path / "source").write_bytes(CONTENT)

    async def play() -> None:
        with hashers() as hasher:
            contact = Peer(hasher, overlay=Overlay(DHT))
            await contact.listen(HOST, 0)
            async with dht_peer(hasher, tmp_path / "source", 1, contact.address) as seed:
                for victim in (contact.address, seed.address):
                    await asyncio.to_thread(flood, victim)
                async with dht_peer(hasher, tmp_path / "target", 0, contact.address) as leech:
                    await asyncio.wait_for(leech.progress.completion(), PATIENCE_S)
            await contact.leave(abrupt=True)

    asyncio.run(play())
    assert (tmp_path / "target").read_bytes() == CONTENT


def test_hosts_that_share_a_torrent_tell_each_other_of_their_nodes(tmp_path: Path) -> None:
    """BEP 5: who says in its handshake that it takes part in the DHT is told our port, and the one that it names is
    pinged."""
    (tmp_path / "source").write_bytes(CONTENT)

    async def play() -> None:
        with hashers() as hasher, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as node:
            node.bind((HOST, 0))
            node.settimeout(PATIENCE_S)
            async with dht_peer(hasher, tmp_path / "source", 1) as seed:
                reader, writer = await asyncio.open_connection(*seed.address)
                writer.write(Handshake(KEY, b"p" * 20, dht=True).encode() + encode(Port(node.getsockname()[1])))
                assert Handshake.decode(await reader.readexactly(LENGTH)).dht
                said = await asyncio.wait_for(reader.readuntil(encode(Port(seed.address[1]))), PATIENCE_S)
                assert said
                data, source = await asyncio.to_thread(node.recvfrom, 2048)
                query = decode(data)
                assert isinstance(query, Query) and source == seed.address
                writer.close()

    asyncio.run(play())
