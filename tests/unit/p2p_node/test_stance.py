"""How peers stand with each other: whom they choke, whom they want something of, and what they have asked for."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import msgspec
import pytest
from serving import PATIENCE_S

from p2p_node.core.stance import Stance
from p2p_node.core.swarm import SwarmSettings
from p2p_node.shell.torrent import create_torrent
from tests.controlling import running_fleet
from tests.network import Network

PIECE = 32 * 1024
CONTENT = Random(1).randbytes(64 * PIECE)
NOBODY = Stance(0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("slots", [None, 1])
def test_a_seed_and_its_leeches_see_each_other_from_both_sides(slots: int | None) -> None:
    """Whom the seed chokes is choked by it, and who wants something of it is interested."""
    network = Network(CONTENT, PIECE, settings=SwarmSettings(slots=slots))
    seed = network.add(CONTENT)
    leeches = [network.add() for _ in range(3)]
    assert seed.node.stance == leeches[0].node.stance == NOBODY
    for peer in network.peers:
        peer.start()
    network.run(0.2)
    told = seed.node.stance
    assert (told.wanted, told.interested, told.pending, told.depth) == (3, 0, 0, 0)
    assert told.choking == (0 if slots is None else 2)
    assert told.choked == 3, "nobody has a reason to serve it"
    assert all(peer.node.stance.interested >= 1 for peer in leeches)
    network.run(60.0, lambda: all(peer.completed_at is not None for peer in leeches))
    assert all(peer.node.stance.interested == 0 for peer in leeches)


def test_what_is_asked_for_is_told_until_it_arrives() -> None:
    """And how much the queue of who serves us should hold: as much at least as a peer is always asked for."""
    network = Network(CONTENT, PIECE)
    network.add(CONTENT, block_s=0.01).start()
    leech = network.add()
    leech.start()
    network.run(0.2)
    assert 0 < leech.node.stance.pending <= leech.node.stance.depth
    network.run(60.0, lambda: leech.completed_at is not None)
    assert (leech.node.stance.pending, leech.node.stance.depth) == (0, 0)


def test_a_fleet_tells_how_a_peer_stands(tmp_path: Path) -> None:
    """Beside its state, once it is in a swarm."""
    (tmp_path / "item").write_bytes(CONTENT)
    (tmp_path / "item.torrent").write_bytes(create_torrent(tmp_path / "item"))
    with running_fleet(tmp_path / "fleet.sock", "p2p_node", "fleet") as fleet:
        fleet.ask("POST", "/peers", {"id": "a", "address": "127.0.6.9", "directory": str(tmp_path / "a")})
        idle = msgspec.json.decode(fleet.ask("GET", "/peers/a")[1])
        assert (idle["state"], "choking" in idle) == ("idle", False)
        with fleet.stream("POST", "/peers/a/fetch", {"source": str(tmp_path / "item.torrent")}) as stream:
            stream.readline()
            told = msgspec.json.decode(fleet.ask("GET", "/peers/a")[1])
            assert told["state"] == "fetching"
            deadline = time.monotonic() + PATIENCE_S
            while "choking" not in told:
                assert time.monotonic() < deadline, "it never entered the swarm"
                told = msgspec.json.decode(fleet.ask("GET", "/peers/a")[1])
    assert {name: told[name] for name in Stance._fields} == NOBODY._asdict()


@pytest.mark.parametrize("magnet", [False, True])
def test_a_peer_that_is_removed_ends_its_fetch(tmp_path: Path, magnet: bool) -> None:
    """Whoever listens hears that it failed, and why, rather than nothing for ever, also before its torrent is known."""
    (tmp_path / "item").write_bytes(CONTENT)
    (tmp_path / "item.torrent").write_bytes(create_torrent(tmp_path / "item"))
    with running_fleet(tmp_path / "fleet.sock", "p2p_node", "fleet") as fleet:
        fleet.ask("POST", "/peers", {"id": "a", "address": "127.0.6.9", "directory": str(tmp_path / "a")})
        nobody = f"magnet:?xt=urn:btih:{'a' * 40}&x.pe=127.0.6.8:9"
        source = nobody if magnet else str(tmp_path / "item.torrent")
        with fleet.stream("POST", "/peers/a/fetch", {"source": source}) as stream:
            stream.readline()
            assert fleet.ask("DELETE", "/peers/a?abrupt=1")[0] == 204
            done = msgspec.json.decode(stream.readline())
    assert (done["event"], done["ok"], done["error"]) == (
        "done",
        False,
        "the peer left before the download was complete",
    )
