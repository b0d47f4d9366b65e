"""Every client with ours, both ways, by torrent and by magnet link, and all of them in one swarm.

Real processes on addresses of a network namespace, which meet by our tracker alone. What arrives is compared by its
SHA-256.

Clients mostly wait – transmission turns to its peers every ten seconds –, so what tests tell is played side by side.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from random import Random

import pytest
from namespace import Namespace, private_network
from programs import LIBTORRENT, PORT, PROGRAMS, Program, node, opentracker
from together import Played, Story, side_by_side

from p2p_node.shell.torrent import create_torrent, magnet_link, read_torrent

TRACKER_PORT = 6969
SIZE = 1_500_000
PATIENCE_S = 60.0
EVERY_PROGRAM = pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)


class Swarm:
    """An item, its torrent, our tracker, and the peers that a test starts."""

    def __init__(self, directory: Path, network: Namespace, stack: ExitStack) -> None:
        self.directory = directory
        self._network = network
        self._stack = stack
        self.item = directory / "source" / "item"
        self.item.parent.mkdir()
        self.item.write_bytes(Random(4).randbytes(SIZE))
        self._digest = hashlib.sha256(self.item.read_bytes()).digest()
        self.torrent = directory / "item.torrent"

    def track(self, scheme: str = "http", others: bool = False) -> None:
        """Start a tracker, ours or opentracker, and make the torrent that names it."""
        address = self._network.new_address()
        self.torrent.write_bytes(create_torrent(self.item, 16_384, [f"{scheme}://{address}:{TRACKER_PORT}/announce"]))
        if others:
            info_hash = read_torrent(self.torrent).info_hash
            self._run(opentracker(self.directory / "opentracker", address, TRACKER_PORT, info_hash), "tracker")
        else:
            command = node("track", "--address", address, "--port", TRACKER_PORT, "--interval", 2)
            self._run_until("listening", command, "tracker")

    def _run(self, command: list[str], name: str) -> subprocess.Popen[bytes]:
        return self._stack.enter_context(self._network.running(command, self.directory / f"{name}.log"))

    def _run_until(self, said: str, command: list[str], name: str) -> None:
        self._run(command, name)
        log = self.directory / f"{name}.log"
        deadline = time.monotonic() + PATIENCE_S
        while said not in log.read_text():
            assert time.monotonic() < deadline, self._logs()
            time.sleep(0.02)

    def source(self, magnet: bool) -> str:
        return magnet_link(self.torrent) if magnet else str(self.torrent)

    def seed(self, *options: object) -> None:
        """Our seed."""
        address = self._network.new_address()
        command = node("seed", self.torrent, "--data", self.item, "--address", address, "--port", PORT, *options)
        self._run_until("seeding", command, "seed")

    def get(self, magnet: bool = False, name: str = "ours", *options: object) -> Path:
        """Our download; returns where the item will be."""
        out = self.directory / name
        address = self._network.new_address()
        where = ("--out", out, "--address", address, "--seed-time", PATIENCE_S)
        self._run(node("get", self.source(magnet), *where, *options), name)
        return out / "item"

    def start(self, program: Program, magnet: bool = False, seeds: bool = False, name: str = "") -> Path:
        """Another client; returns where the item is or will be."""
        directory = self.directory / (name or program.name)
        directory.mkdir()
        if seeds:
            (directory / "item").write_bytes(self.item.read_bytes())
        self._run(program.command(self._network.new_address(), directory, self.source(magnet)), directory.name)
        return directory / "item"

    def assert_arrive(self, *paths: Path) -> None:
        """Each file becomes the item in time."""
        waiting = set(paths)
        deadline = time.monotonic() + PATIENCE_S
        while waiting:
            waiting = {path for path in waiting if not self._is_right(path)}
            assert time.monotonic() < deadline, f"not there: {waiting}; {self._logs()}"
            time.sleep(0.1)

    def _is_right(self, path: Path) -> bool:
        return path.is_file() and path.stat().st_size == SIZE and self._digest_of(path) == self._digest

    def _digest_of(self, path: Path) -> bytes:
        return hashlib.sha256(path.read_bytes()).digest()

    def _logs(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-1500:]}" for path in sorted(self.directory.glob("*.log")))


@pytest.fixture(scope="module")
def network() -> Iterator[Namespace]:
    with private_network() as made:
        yield made


@pytest.fixture
def swarm(tmp_path: Path, network: Namespace) -> Iterator[Swarm]:
    with ExitStack() as stack:
        yield Swarm(tmp_path, network, stack)


def we_download(swarm: Swarm, program: Program, magnet: bool) -> None:
    swarm.track()
    swarm.start(program, seeds=True)
    swarm.assert_arrive(swarm.get(magnet))


def it_downloads(swarm: Swarm, program: Program, magnet: bool) -> None:
    swarm.track()
    swarm.seed()
    swarm.assert_arrive(swarm.start(program, magnet))


def all_download(swarm: Swarm, scheme: str, others: bool) -> None:
    swarm.track(scheme, others)
    swarm.seed("--upload-rate", SIZE)
    clients = [swarm.start(program) for program in PROGRAMS]
    swarm.assert_arrive(*clients, swarm.get(name="ours-1"), swarm.get(name="ours-2"))


def we_download_from_a_super_seed(swarm: Swarm) -> None:
    swarm.track()
    program = Program("super", lambda *where: [*LIBTORRENT.command(*where), "--super"])
    swarm.start(program, seeds=True)
    swarm.assert_arrive(swarm.get())


TRACKERS = {"ours-udp": ("udp", False), "open-http": ("http", True), "open-udp": ("udp", True)}
STORIES: list[Story] = [
    *((all_download, *tracker) for tracker in TRACKERS.values()),
    (we_download_from_a_super_seed,),
    *product((we_download, it_downloads), reversed(PROGRAMS), (False, True)),
]
"""The longest first."""


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, network: Namespace) -> Iterator[Played]:
    """Every story, each in a swarm of its own."""

    def play(directory: Path, story: Callable[..., None], *cast: object) -> None:
        with ExitStack() as stack:
            story(Swarm(directory, network, stack), *cast)

    with side_by_side(STORIES, tmp_path_factory, play) as under_way:
        yield under_way


@EVERY_PROGRAM
@pytest.mark.parametrize("magnet", [False, True], ids=["torrent", "magnet"])
def test_we_download_from_it(played: Played, program: Program, magnet: bool) -> None:
    """It seeds, we fetch."""
    played[we_download, program, magnet].result()


@EVERY_PROGRAM
@pytest.mark.parametrize("magnet", [False, True], ids=["torrent", "magnet"])
def test_it_downloads_from_us(played: Played, program: Program, magnet: bool) -> None:
    """We seed, it fetches; alone, so that nobody else helps."""
    played[it_downloads, program, magnet].result()


@pytest.mark.parametrize(("scheme", "others"), TRACKERS.values(), ids=TRACKERS)
def test_all_of_them_complete_in_one_swarm(played: Played, scheme: str, others: bool) -> None:
    """One of each kind and two of ours, from a slow seed of ours, over our tracker and opentracker."""
    played[all_download, scheme, others].result()


def test_a_super_seeding_libtorrent_serves_one_peer_alone(played: Played) -> None:
    """BEP 16: it offers its next piece when it hears what became of the last, which must not wait for company."""
    played[(we_download_from_a_super_seed,)].result()


def test_a_slow_peer_does_not_hold_up_others(swarm: Swarm) -> None:
    """What our seed assigned to a slow libtorrent goes to the peer that has nothing else to ask for."""
    swarm.track()
    slow = Program("slow", lambda *where: [*LIBTORRENT.command(*where), "--slow"])
    swarm.seed()
    swarm.start(slow)
    time.sleep(2.0)  # until it holds what was assigned to it
    began = time.monotonic()
    swarm.assert_arrive(swarm.get())
    assert time.monotonic() - began < 8.0
