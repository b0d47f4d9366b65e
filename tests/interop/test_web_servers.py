"""Web servers by others as seeds of our swarm, and ours as seed of other clients."""

from __future__ import annotations

import subprocess
from pathlib import Path

from clients import libtorrent_client, wait_for
from conftest import require_tool
from serving import baseline_server, free_port, nginx

from tests.web_seeding import CONTENT, download, torrent_at


def test_nginx_seeds_the_swarm(tmp_path: Path) -> None:
    """A server by others, named by the file's full URL."""
    binary = require_tool("nginx", "nginx-light")
    (tmp_path / "root").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "root" / "other name").write_bytes(CONTENT)
    port = free_port("127.0.3.2")
    with nginx(binary, tmp_path / "root", tmp_path / "scratch", port=port):
        done = download(torrent_at(tmp_path / "t", f"http://127.0.3.2:{port}/other%20name"), tmp_path)
    assert done["ok"]
    assert (tmp_path / "item").read_bytes() == CONTENT
    assert done["sources"]["webseed"] == len(CONTENT)


def test_our_server_seeds_libtorrent(tmp_path: Path) -> None:
    """It fetches a torrent of ours whose only source is the baseline server."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "item").write_bytes(CONTENT)
    with (
        baseline_server(tmp_path / "root") as server,
        libtorrent_client("127.0.3.7", 7001) as client,
    ):
        torrent = torrent_at(tmp_path / "t", "http://{}:{}/item".format(*server.address))
        client.session.apply_settings({"ssrf_mitigation": False})  # which asks nothing of servers on loopback
        handle = client.add_torrent(torrent, tmp_path / "got")
        assert wait_for(lambda: handle.status().is_seeding)
        client.session.pause()
        assert wait_for(lambda: (tmp_path / "got" / "item").read_bytes() == CONTENT)


def test_our_server_seeds_aria2(tmp_path: Path) -> None:
    """The same for aria2."""
    command = require_tool("aria2c", "aria2")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "item").write_bytes(CONTENT)
    with baseline_server(tmp_path / "root") as server:
        torrent = torrent_at(tmp_path / "t.torrent", "http://{}:{}/item".format(*server.address))
        options = ["--no-conf", "--enable-dht=false", "--enable-dht6=false", "--bt-enable-lpd=false", "--seed-time=0"]
        where = [f"--dir={tmp_path / 'got'}", "--listen-port=7002", "--interface=127.0.3.8", "--file-allocation=none"]
        subprocess.run([command, *options, *where, str(torrent)], check=True, timeout=60)
    assert (tmp_path / "got" / "item").read_bytes() == CONTENT
