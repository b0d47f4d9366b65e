"""A libtorrent session as a program: `libtorrent_program.py ADDRESS PORT DIRECTORY TORRENT|MAGNET [--super] [--slow]
[--contact HOST:PORT]`.

It seeds what the directory holds and fetches the rest, writes the file `DIRECTORY.done` when all is there, and stays.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import libtorrent as lt
from clients import LibtorrentClient

SLOW = 20_000
"""Bytes per second."""


def main() -> None:
    """Run until killed."""
    address, port, directory, source, *options = sys.argv[1:]
    contact = options[options.index("--contact") + 1] if "--contact" in options else None
    client = LibtorrentClient(address, int(port), contact)
    if source.startswith("magnet:"):
        handle = client.add_magnet(source, Path(directory))
    else:
        handle = client.add_torrent(Path(source), Path(directory))
    if "--super" in options:
        handle.set_flags(lt.torrent_flags.super_seeding)
    if "--slow" in options:
        handle.set_download_limit(SLOW)
    while not handle.status().is_seeding:
        time.sleep(0.05)
    Path(f"{directory}.done").touch()
    while True:
        time.sleep(60)


if __name__ == "__main__":
    main()
