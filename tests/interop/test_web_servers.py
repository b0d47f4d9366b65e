"""Web servers by others as seeds of our swarm."""

from __future__ import annotations

from pathlib import Path

from conftest import require_tool
from serving import free_port, nginx

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
