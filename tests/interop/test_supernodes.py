"""aria2 and libtorrent as leaves of our supernodes: to them each is a tracker (BEP 3, 12, 15).

Seed and downloader know different supernodes alone, and nobody else is told of a peer, so a completed file proves that
one supernode asked the other.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import libtorrent as lt
import pytest
from clients import QUIET
from conftest import require_tool
from test_trackers import CONTENT, HOST, first_line, free_port, get, make_torrent, node, our_seed, running
from together import Played, side_by_side

SCHEMES = pytest.mark.parametrize("scheme", ["http", "udp"])


@contextlib.contextmanager
def supernode(directory: Path, port: int, peers: list[int]) -> Iterator[subprocess.Popen[str]]:
    """Running, and part of the mesh with those on these ports."""
    named = [argument for peer in peers for argument in ("--peer", f"{HOST}:{peer}")]
    with running(node("supernode", "--address", HOST, "--port", port, *named), directory) as process:
        assert re.search(rf"udp://{HOST}:{port}/", first_line(process))
        yield process


def torrent_of(directory: Path, urls: list[str]) -> Path:
    """The torrent of CONTENT, its trackers one tier each."""
    directory.mkdir()
    if len(urls) == 1:
        return make_torrent(directory, urls[0])[0]
    (directory / "item").write_bytes(CONTENT)
    trackers = [argument for url in urls for argument in ("--tracker", url)]
    subprocess.run(node("create", directory / "item", *trackers), check=True, timeout=60)
    return directory / "item.torrent"


@contextlib.contextmanager
def libtorrent_seed(directory: Path, torrent: Path) -> Iterator[None]:
    """Seeding, and announced."""
    session = lt.session(
        QUIET
        | {
            "listen_interfaces": f"{HOST}:{free_port()}",
            "outgoing_interfaces": HOST,
            "alert_mask": lt.alert.category_t.tracker_notification,
        }
    )
    added = lt.add_torrent_params()
    added.ti, added.save_path = lt.torrent_info(str(torrent)), str(directory)
    session.add_torrent(added)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        session.wait_for_alert(500)
        if any(isinstance(alert, lt.tracker_reply_alert) for alert in session.pop_alerts()):
            break
    else:
        raise AssertionError("libtorrent heard nothing of its tracker")
    yield
    del session


def aria2_get(directory: Path, torrent: Path) -> Path:
    command = require_tool("aria2c", "aria2")
    options = (
        f"--no-conf --interface={HOST} --bt-external-ip={HOST} --listen-port={free_port()} --disable-ipv6=true "
        f"--seed-time=0 --file-allocation=none --enable-dht=true --dht-listen-port={free_port()} --enable-dht6=false "
        "--enable-peer-exchange=false --bt-enable-lpd=false --bt-tracker-connect-timeout=2 --quiet"
    ).split()
    got = directory / "aria2"
    subprocess.run([command, *options, f"--dir={got}", str(torrent)], check=True, timeout=60)
    return got / "item"


@contextlib.contextmanager
def seeded_elsewhere(directory: Path, scheme: str) -> Iterator[Path]:
    """The torrent that names one of two supernodes, while a libtorrent seed has registered with the other."""
    first, second = free_port(), free_port()
    with supernode(directory, first, []), supernode(directory, second, [first]):
        theirs = torrent_of(directory / "libtorrent", [f"{scheme}://{HOST}:{first}/announce"])
        ours = torrent_of(directory / "other", [f"{scheme}://{HOST}:{second}/announce"])
        with libtorrent_seed(theirs.parent, theirs):
            yield ours


def aria2_joins(directory: Path, scheme: str) -> None:
    with seeded_elsewhere(directory, scheme) as torrent:
        assert aria2_get(directory, torrent).read_bytes() == CONTENT


def we_join(directory: Path) -> None:
    with seeded_elsewhere(directory, "udp") as torrent:
        assert get(directory, torrent).read_bytes() == CONTENT


def aria2_turns_to_the_next(directory: Path) -> None:
    first, second = free_port(), free_port()
    urls = [f"http://{HOST}:{port}/announce" for port in (first, second)]
    with supernode(directory, first, []) as dying, supernode(directory, second, [first]):
        theirs = torrent_of(directory / "seed", urls[1:])
        both = torrent_of(directory / "other", urls)
        with our_seed(theirs.parent, theirs):
            dying.kill()
            assert aria2_get(directory, both).read_bytes() == CONTENT


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """All of them: aria2 waits for seconds whatever it has heard."""
    stories = [(aria2_turns_to_the_next,), (aria2_joins, "http"), (aria2_joins, "udp"), (we_join,)]
    with side_by_side(stories, tmp_path_factory) as under_way:
        yield under_way


@SCHEMES
def test_aria2_and_libtorrent_meet_through_two_supernodes(played: Played, scheme: str) -> None:
    """libtorrent registers with one, aria2 asks the other."""
    played[aria2_joins, scheme].result()


def test_our_node_downloads_from_libtorrent_through_two_supernodes(played: Played) -> None:
    """What libtorrent registered with one over UDP, our node hears of the other."""
    played[(we_join,)].result()


def test_clients_turn_to_the_next_supernode_when_theirs_was_killed(played: Played) -> None:
    """aria2's first tier is dead: it asks the second supernode, with which our seed registered, and downloads."""
    played[(aria2_turns_to_the_next,)].result()
