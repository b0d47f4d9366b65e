"""Where a torrent comes from: a torrent file, or a magnet link whose metadata is fetched from the swarm itself."""

from __future__ import annotations

from pathlib import Path

from p2p_node.shell.errors import NodeError
from p2p_node.shell.peer import Peer
from p2p_node.shell.torrent import read_torrent
from p2p_node.wire.errors import MagnetError, MetainfoError
from p2p_node.wire.magnet import SCHEME, Magnet
from p2p_node.wire.metainfo import Metainfo, decode_info


def is_magnet(source: str) -> bool:
    """Whether a source is a magnet link rather than the path of a torrent file."""
    return source.lower().startswith(SCHEME)


async def obtain(peer: Peer, source: str) -> Metainfo:
    """The metainfo of a torrent file or a magnet link; `peer`, which must listen, asks other peers for the latter's.

    Raises NodeError.
    """
    if not is_magnet(source):
        return read_torrent(Path(source))
    try:
        magnet = Magnet.decode(source)
    except MagnetError as error:
        raise NodeError(str(error)) from None
    if not magnet.trackers and not magnet.peers and not peer.discovers:
        raise NodeError(
            "the magnet link names no tracker (tr=) and no peer (x.pe=) to ask for its torrent; "
            "find some by a network with --discovery"
        )
    peer.seek(magnet)
    while peer.raw_info is None:
        await peer.progress.news()
    try:
        return decode_info(peer.raw_info, tuple((url,) for url in magnet.trackers), magnet.web_seeds)
    except MetainfoError as error:
        raise NodeError(f"the torrent of {magnet.info_hash.hex()}: {error}") from None
