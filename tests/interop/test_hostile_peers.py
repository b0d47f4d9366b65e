"""Peers that break the rules, on real sockets: whoever does is dropped with a logged reason, and the others' downloads
complete, right and without much memory."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from random import Random

import pytest
from attacker import Attacker, liar, lie
from programs import node
from together import side_by_side

from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.fetch import fetch
from p2p_node.shell.peer import Peer
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import create_torrent, read_torrent
from p2p_node.shell.verifying import hashers
from p2p_node.wire import messages as wire
from p2p_node.wire.extension import Extension, ExtensionHandshake
from p2p_node.wire.handshake import Handshake
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metadata import MetadataRequest, encode_metadata
from p2p_node.wire.pex import Gossip

SIZE = 3 << 20
PIECE = 32_768
PATIENCE_S = 60.0
PORT = 6881
MAX_MEMORY = 80 << 20
"""Of the attacked process; it needs half of that in peace."""


class Scene:
    """Our seed, whose uplink needs seconds for the item, and two honest peers that fetch it, each on an address of the
    `/24` that `network` begins."""

    def __init__(self, directory: Path, stack: ExitStack, network: str = "127.0.8") -> None:
        self.directory = directory
        self._seed_at = (f"{network}.1", PORT)
        self._honest = (f"{network}.2", f"{network}.3")
        self._hostile = f"{network}.66"
        self._stack = stack
        self.item = directory / "item"
        self.item.write_bytes(Random(5).randbytes(SIZE))
        torrent = directory / "item.torrent"
        torrent.write_bytes(create_torrent(self.item, PIECE))
        self.metainfo = read_torrent(torrent)
        self._log = directory / "seed.log"
        host, port = self._seed_at
        self._seed = self._run(
            ["seed", torrent, "--data", self.item, "--address", host, "--port", port, "--upload-rate", SIZE / 2],
            self._log,
        )
        wait_until(lambda: "seeding" in self._log.read_text())

    def _run(self, arguments: list[object], log: Path) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(node(*arguments), stdout=log.open("wb"), stderr=subprocess.STDOUT)
        self._stack.callback(process.wait, 10)
        self._stack.callback(process.terminate)
        return process

    def start_honest(self) -> list[subprocess.Popen[bytes]]:
        """The honest peers, which know the seed alone."""
        link = Magnet(info_hash_v1=self.metainfo.info_hash, peers=(self._seed_at,)).encode()
        return [
            self._run(["get", link, "--out", self.directory / host, "--address", host], self.directory / f"{host}.log")
            for host in self._honest
        ]

    def assert_complete(self, honest: list[subprocess.Popen[bytes]]) -> None:
        """They have everything, and the seed is well."""
        for process, host in zip(honest, self._honest, strict=True):
            assert process.wait(PATIENCE_S) == 0, (self.directory / f"{host}.log").read_text()
            assert (self.directory / host / "item").read_bytes() == self.item.read_bytes()
        assert self._seed.poll() is None
        assert self.memory() < MAX_MEMORY

    def memory(self) -> int:
        """Bytes of the seed's memory at its peak."""
        status = Path(f"/proc/{self._seed.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024

    def attack(self, peer_id: bytes = b"-XX0000-............", receive_buffer: int | None = None) -> Attacker:
        """A peer that has shaken hands with the seed."""
        attacker = self.dial(receive_buffer)
        attacker.shake_hands(self.metainfo.info_hash, peer_id)
        return attacker

    def dial(self, receive_buffer: int | None = None) -> Attacker:
        attacker = Attacker(self._seed_at, self._hostile, receive_buffer)
        self._stack.callback(attacker.close)
        return attacker

    def says(self, reason: str) -> bool:
        """Whether the seed's log gives this reason for closing a connection to the attacker."""
        return re.search(rf"closes the connection to {self._hostile}:\d+: {reason}", self._log.read_text()) is not None


def wait_until(true: Callable[[], bool], patience_s: float = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with ExitStack() as stack:
        yield Scene(tmp_path, stack)


def extended(extension: Extension, payload: bytes) -> wire.Extended:
    """A message of an extension by the number that our seed gave it."""
    return wire.Extended(list(Extension).index(extension) + 1, payload)


GOSSIP = extended(Extension.PEX, Gossip({b"\x0a\0\0\1\1\1": 0}).encode())
GREETING = wire.Extended(0, ExtensionHandshake({Extension.PEX: 1, Extension.METADATA: 2}).encode())

OFFENCES: dict[str, tuple[bytes, str]] = {
    "oversized frame": (b"\x7f\xff\xff\xff\x07", "frame of 2147483647 bytes"),
    "garbage": (bytes(range(255, 0, -1)) * 100, "frame of"),
    "wrong bitfield": (wire.encode(wire.Bitfield(b"\xff")), "bitfield of 1 bytes"),
    "request out of range": (wire.encode(wire.Request(9999, 0, 16384)), "request for piece 9999"),
    "request past a piece's end": (wire.encode(wire.Request(0, PIECE, 16384)), "request past the end"),
    "request of nothing": (wire.encode(wire.Request(0, 0, 0)), "request for 0 bytes"),
    "unsolicited piece": (wire.encode(wire.Piece(0, 0, bytes(16384))), "unsolicited block"),
    "extension bomb": (wire.encode(wire.Extended(0, b"d1:ml" + b"l" * 500_000)), "extension handshake of"),
    "nested extension": (wire.encode(wire.Extended(0, b"d1:m" + b"l" * 10_000)), ""),
    "peer exchange flood": (
        b"".join(
            map(wire.encode, [GREETING] + [extended(Extension.PEX, Gossip({b"\x0a\0\0\1\1\1": 0}).encode())] * 60)
        ),
        "floods with peer exchange",
    ),
    "metadata flood": (
        b"".join(
            map(wire.encode, [GREETING] + [extended(Extension.METADATA, encode_metadata(MetadataRequest(0)))] * 2000)
        ),
        "floods with metadata requests",
    ),
    "flapping": (
        b"".join(map(wire.encode, [wire.Choke(), wire.Unchoke(), wire.Interested(), wire.NotInterested()])) * 2000,
        "changes its mind too often",
    ),
}


def talk_slowly(scene: Scene) -> None:
    trickle, drip, half = scene.dial(), scene.attack(b"-XX0000-drip-drip-dr"), scene.attack(b"-XX0000-half-half-ha")
    half.socket.shutdown(1)
    honest = scene.start_honest()
    shake, frame = wire_handshake(scene.metainfo.info_hash, b"-XX0000-slow-slow-sl"), wire.encode(wire.Have(1))
    deadline = time.monotonic() + 30.0
    with contextlib.suppress(OSError):
        for at in range(len(shake)):
            trickle.socket.sendall(shake[at : at + 1])
            drip.send(frame[at % len(frame) :][:1])
            if trickle.is_dropped(1.0):
                break
            assert time.monotonic() < deadline
    assert scene.says("no handshake")
    assert half.is_dropped(1.0)
    scene.assert_complete(honest)


@pytest.fixture(scope="module", autouse=True)
def slow_talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[None]]:
    """Played beside the other tests: until such a handshake ends, two rounds of ten seconds may pass."""

    def play(directory: Path, story: Callable[[Scene], None]) -> None:
        with ExitStack() as stack:
            story(Scene(directory, stack, network="127.0.7"))

    with side_by_side([(talk_slowly,)], tmp_path_factory, play) as under_way:
        yield under_way[(talk_slowly,)]


def test_whoever_breaks_the_rules_is_dropped_with_a_reason(scene: Scene) -> None:
    """All at once, while two honest peers download."""
    honest = scene.start_honest()
    attackers = {}
    for number, (name, (said, _)) in enumerate(OFFENCES.items()):
        attackers[name] = scene.attack(b"-XX0000-%012d" % number)
        attackers[name].send(said)
    for name, attacker in attackers.items():
        assert attacker.is_dropped(), name
        assert scene.says(OFFENCES[name][1]), name
    scene.assert_complete(honest)


def test_false_names_are_found_out(scene: Scene) -> None:
    """The seed's own peer id, one that is connected already, another torrent, and another protocol."""
    honest = scene.start_honest()
    own = scene.dial().shake_hands(scene.metainfo.info_hash, b"-XX0000-curious-peer").peer_id
    itself = scene.dial()
    itself.send(wire_handshake(scene.metainfo.info_hash, own))
    scene.attack(b"-XX0000-twin-twin-tw")
    twin = scene.dial()
    twin.send(wire_handshake(scene.metainfo.info_hash, b"-XX0000-twin-twin-tw"))
    stray = scene.dial()
    stray.send(wire_handshake(b"?" * 20, b"-XX0000-stray-stray-"))
    encrypted = scene.dial()
    encrypted.send(Random(6).randbytes(96))
    for attacker, reason in (
        (itself, "is this node itself"),
        (twin, "is connected already"),
        (stray, "asks for another torrent"),
        (encrypted, "not a BitTorrent handshake"),
    ):
        assert attacker.is_dropped(), reason
        assert scene.says(reason)
    scene.assert_complete(honest)


def wire_handshake(info_hash: bytes, peer_id: bytes) -> bytes:
    return Handshake(info_hash, peer_id).encode()


def test_a_flood_of_requests_that_nobody_reads_is_bounded(scene: Scene) -> None:
    """A peer that asks for everything again and again and reads nothing costs bounded memory, and is cut off."""
    honest = scene.start_honest()
    attacker = scene.attack(receive_buffer=4096)
    flood = b"".join(wire.encode(wire.Requests(piece, 0, 16384, 2)) for piece in range(scene.metainfo.piece_count))
    attacker.say(wire.Interested())

    def ask() -> None:
        for _ in range(20_000):
            attacker.send(flood)

    threading.Thread(target=ask, daemon=True).start()  # whom nobody reads any more waits in vain
    wait_until(lambda: scene.says("does not read what it is sent"))
    scene.assert_complete(honest)


def test_a_thousand_idle_connections_keep_nobody_out(scene: Scene) -> None:
    """Those that say nothing make room for those that come after them."""
    idle = [scene.dial() for _ in range(500)]
    time.sleep(2.5)
    idle += [scene.dial() for _ in range(500)]
    honest = scene.start_honest()
    scene.assert_complete(honest)
    assert scene.says("makes room for another")
    assert scene.says("too many connections")
    for attacker in idle:
        attacker.close()


@pytest.mark.parametrize("returns", [False, True], ids=["dialled", "returning"])
def test_a_liar_among_four_is_found_and_banned(tmp_path: Path, returns: bool) -> None:
    """All on one address: three tell the truth, one does not, also when it comes back. It wastes two pieces at most,
    and the file is right."""
    (tmp_path / "item").write_bytes(Random(7).randbytes(SIZE))
    torrent = tmp_path / "item.torrent"
    torrent.write_bytes(create_torrent(tmp_path / "item", PIECE))
    metainfo = read_torrent(torrent)

    async def play(false: tuple[str, int]) -> tuple[dict, int]:
        async with AsyncExitStack() as stack:
            threads = stack.enter_context(hashers())
            seeds = [Peer(threads, SIZE / 4) for _ in range(3)]
            leech = Peer(threads)
            for peer in (*seeds, leech):
                await peer.listen("127.0.8.9", 0)
                stack.push_async_callback(peer.leave, abrupt=True)
            for seed in seeds:
                storage = Storage(metainfo, tmp_path / "item", writable=False)
                seed.join(metainfo, storage, (1 << metainfo.piece_count) - 1, SwarmSettings(thrifty_seed=False))
            peers = (*(seed.address for seed in seeds), false)
            link = Magnet(info_hash_v1=metainfo.info_hash, peers=peers).encode()
            returning = asyncio.create_task(asyncio.to_thread(come_back, leech.address)) if returns else None
            done: dict = {}
            async with asyncio.timeout(PATIENCE_S):
                async for event in fetch(leech, link, tmp_path / "got", None, SwarmSettings()):
                    done = event
            assert leech.node is not None
            failures = leech.node.tally().hash_failures
        if returning is not None:
            await returning
        return done, failures

    def come_back(target: tuple[str, int]) -> None:
        for _ in range(5):
            time.sleep(0.3)
            with contextlib.suppress(OSError):
                attacker = Attacker(target, "127.0.8.9")
                lie(attacker.socket, metainfo.info_hash, b"-XX0000-liar-returns")

    (tmp_path / "got").mkdir()
    with liar("127.0.8.9", metainfo.info_hash) as false:
        done, failures = asyncio.run(play(false))
    assert done["ok"], done
    assert (tmp_path / "got" / "item").read_bytes() == (tmp_path / "item").read_bytes()
    liars = 4 if returns else 1  # one peer each time it comes from another port
    assert 1 <= failures <= 2 * liars
    assert done["wasted_bytes"] <= 2 * liars * PIECE


def test_slow_talkers_do_not_hold_up_others(slow_talk: Future[None]) -> None:
    """A handshake that trickles ends in time; a byte a second, and half a connection, cost nobody anything."""
    slow_talk.result()
