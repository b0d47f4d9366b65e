"""`create` and `magnet`: torrents and their links."""

from __future__ import annotations

from pathlib import Path

import click

from p2p_node.shell.errors import describe
from p2p_node.shell.torrent import Version, create_torrent, magnet_link


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--tracker",
    "trackers",
    metavar="URL[,URL…]",
    multiple=True,
    help="A tracker's announce URL, or several of which any will do (BEP 12); repeatable, to be asked in order.",
)
@click.option("--web-seed", "web_seeds", metavar="URL", multiple=True, help="An HTTP server's URL of the content.")
@click.option("--private", is_flag=True, help="Peers come from the trackers alone.")
@click.option(
    "--version",
    type=click.Choice([version.value for version in Version]),
    default="1",
    show_default=True,
    help="Of BitTorrent: 1 for every client, 2 for merkle hashes, hybrid for both.",
)
@click.option(
    "--piece-size",
    default="auto",
    show_default=True,
    help="Bytes in a piece, or auto: 16 KiB to 4 MiB, for 512 pieces or more.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Where to write (default: PATH.torrent).")
def create(
    path: Path,
    trackers: tuple[str, ...],
    web_seeds: tuple[str, ...],
    private: bool,
    version: str,
    piece_size: str,
    out: Path | None,
) -> None:
    """Make a torrent of PATH, a file or a directory."""
    if piece_size != "auto" and (not piece_size.isdigit() or int(piece_size) < 1):
        raise click.UsageError(f"--piece-size {piece_size}: give a number of bytes, or auto")
    size = None if piece_size == "auto" else int(piece_size)
    torrent = create_torrent(path, size, trackers, web_seeds, private, Version(version))
    out = out or path.with_name(path.resolve().name + ".torrent")
    try:
        out.write_bytes(torrent)
    except OSError as error:
        raise describe(error, f"write {out}") from None
    click.echo(out)


@click.command()
@click.argument("torrent", type=click.Path(path_type=Path))
def magnet(torrent: Path) -> None:
    """Print the magnet link of TORRENT."""
    click.echo(magnet_link(torrent))
