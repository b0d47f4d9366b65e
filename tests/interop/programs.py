"""Other people's clients as programs in the namespace, each set up to seed what it has and fetch the rest."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import require_tool

PORT = 6881


@dataclass(frozen=True)
class Program:
    """One kind of client. `command` takes an address, a directory for the item and a torrent's path or magnet link."""

    name: str
    command: Callable[[str, Path, str], list[str]]


def node(*arguments: object) -> list[str]:
    """Our own command."""
    return [sys.executable, "-m", "p2p_node", "--verbose", *map(str, arguments)]


def _script(name: str, address: str, directory: Path, source: str) -> list[str]:
    path = Path(__file__).with_name(f"{name}_program.py")
    return [sys.executable, str(path), address, str(PORT), str(directory), source]


def _libtorrent(address: str, directory: Path, source: str) -> list[str]:
    return _script("libtorrent", address, directory, source)


def _aria2(address: str, directory: Path, source: str) -> list[str]:
    return [
        require_tool("aria2c", "aria2"),
        "--no-conf",
        f"--interface={address}",
        f"--bt-external-ip={address}",
        f"--listen-port={PORT}",
        f"--dir={directory}",
        "--disable-ipv6=true",
        "--enable-dht=true",  # without which it has no UDP, and so no UDP trackers
        f"--dht-listen-port={PORT + 1}",
        f"--dht-file-path={directory}.dht",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--seed-ratio=0.0",
        "--file-allocation=none",
        "--disk-cache=0",
        "--allow-overwrite=true",
        "--check-integrity=true",
        "--console-log-level=notice",
        source,
    ]


def _transmission(address: str, directory: Path, source: str) -> list[str]:
    require_tool("transmission-daemon", "transmission-daemon")
    return _script("transmission", address, directory, source)


LIBTORRENT = Program("libtorrent", _libtorrent)
ARIA2 = Program("aria2", _aria2)
TRANSMISSION = Program("transmission", _transmission)
PROGRAMS = (LIBTORRENT, ARIA2, TRANSMISSION)


def opentracker(root: Path, address: str, port: int, info_hash: bytes) -> list[str]:
    """The command of Debian's build, which serves only the torrents in its whitelist, read inside its chroot, as
    `nobody`; needs root."""
    command = require_tool("opentracker", "opentracker")
    if os.geteuid() != 0:
        pytest.skip("opentracker must start as root to become nobody")
    root.mkdir(mode=0o755)
    (root / "whitelist").write_text(f"{info_hash.hex()}\n")
    (root / "ot.conf").write_text(
        f"listen.tcp {address}:{port}\nlisten.udp {address}:{port}\naccess.whitelist whitelist\n"
        f"tracker.rootdir {root}\ntracker.user nobody\n"
    )
    for parent in (root, *root.parents):  # nobody has to come in
        if parent.stat().st_uid == os.geteuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return [command, "-f", str(root / "ot.conf"), "-d", str(root), "-u", "nobody"]
