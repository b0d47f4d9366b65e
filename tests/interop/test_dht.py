"""Our DHT and other programs' on one network, without trackers: each finds what the other announced.

Peers enter by one node that shares nothing, and are told of nobody else.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import libtorrent as lt
import pytest
from clients import DHT, PATIENCE_S, QUIET, wait_for
from namespace import Namespace, private_network
from programs import ARIA2, LIBTORRENT, PORT, Program, node
from test_clients import Swarm

from p2p_node.shell.torrent import create_torrent
from p2p_node.wire.krpc import AnnouncePeer, Answer, GetPeers, Query, Question, decode, encode_query

HOST = "127.0.0.1"
KEY = b"k" * 20


def dht_libtorrent(contact: str) -> Program:
    return Program("libtorrent", lambda *where: [*LIBTORRENT.command(*where), "--contact", contact])


def dht_aria2(contact: str) -> Program:
    return Program("aria2", lambda *where: [*ARIA2.command(*where), f"--dht-entry-point={contact}"])


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind((HOST, 0))
        return int(taken.getsockname()[1])


class Meeting(Swarm):
    """A swarm without trackers, and a node through which its peers enter the DHT."""

    def open(self) -> None:
        self.torrent.write_bytes(create_torrent(self.item, 16_384))
        other = self.directory / "other"
        other.write_bytes(b"something else")
        torrent = self.directory / "other.torrent"
        torrent.write_bytes(create_torrent(other, 16_384))
        address = self._network.new_address()
        self.contact = f"{address}:{PORT}"
        command = node("seed", torrent, "--data", other, "--address", address, "--port", PORT, "--discovery", "dht")
        self._run_until("seeding", command, "contact")

    @property
    def ours(self) -> tuple[str, ...]:
        """The options by which our peers enter."""
        return "--discovery", "dht", "--contact", self.contact


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with private_network() as made:
        yield made


@pytest.fixture
def meeting(tmp_path: Path, network: Namespace) -> Iterator[Meeting]:
    with ExitStack() as stack:
        made = Meeting(tmp_path, network, stack)
        made.open()
        yield made


@pytest.mark.parametrize("program", [dht_libtorrent, dht_aria2], ids=["libtorrent", "aria2"])
def test_we_find_what_it_announced(meeting: Meeting, program: Callable[[str], Program]) -> None:
    """By a magnet link without trackers: the other program is found, then its metadata and the item fetched from it."""
    meeting.start(program(meeting.contact), seeds=True)
    meeting.assert_arrive(meeting.get(True, "ours", *meeting.ours))


@pytest.mark.parametrize(
    ("program", "magnet"), [(dht_libtorrent, True), (dht_aria2, False)], ids=["libtorrent-magnet", "aria2-torrent"]
)
def test_it_finds_what_we_announced(meeting: Meeting, program: Callable[[str], Program], magnet: bool) -> None:
    """aria2 lets ten seconds pass before it dials whom it found, and with a magnet link does so twice."""
    meeting.seed(*meeting.ours)
    meeting.assert_arrive(meeting.start(program(meeting.contact), magnet))


@contextmanager
def libtorrent_node(directory: Path) -> Iterator[int]:
    session = lt.session(QUIET | DHT | {"listen_interfaces": f"{HOST}:0", "dht_bootstrap_nodes": ""})
    assert wait_for(lambda: session.is_dht_running() and session.listen_port() > 0)
    yield session.listen_port()
    session.pause()


@contextmanager
def aria2_node(directory: Path) -> Iterator[int]:
    port, listen = free_port(), free_port()
    command = ARIA2.command(HOST, directory, f"magnet:?xt=urn:btih:{'ab' * 20}")
    ports = [f"--dht-listen-port={port}", f"--listen-port={listen}"]
    process = subprocess.Popen([*command, *ports], stdout=subprocess.DEVNULL)
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize("running_node", [libtorrent_node, aria2_node], ids=["libtorrent", "aria2"])
def test_it_keeps_what_we_announce(tmp_path: Path, running_node: Callable[[Path], Any]) -> None:
    """Its token is taken back from us, and it tells others of both a port that we name and the one that it sees."""
    with running_node(tmp_path) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind((HOST, 0))
        ours.settimeout(0.5)

        def ask(question: Question) -> Answer:
            deadline = time.monotonic() + PATIENCE_S
            while time.monotonic() < deadline:
                ours.sendto(encode_query(Query(b"tx", bytes(20), question)), (HOST, port))
                with contextlib.suppress(OSError):
                    while not isinstance(message := decode(ours.recv(4096)), Answer):
                        pass
                    return message
            raise AssertionError(f"no answer to {question}")

        token = ask(GetPeers(KEY)).token
        assert token is not None
        own_port = ours.getsockname()[1]
        ask(AnnouncePeer(KEY, 4321, token))
        ask(AnnouncePeer(KEY, own_port, token, implied=True))
        assert set(ask(GetPeers(KEY)).peers) == {(HOST, 4321), (HOST, own_port)}
