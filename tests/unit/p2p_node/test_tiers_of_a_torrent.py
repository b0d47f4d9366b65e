"""Which trackers a torrent names, and in what order they are asked."""

from p2p_node.shell.torrent import create_torrent
from p2p_node.wire.metainfo import decode_metainfo


def test_trackers_joined_by_commas_are_one_tier(tmp_path):
    """Any of them will do; the next tier is for when none answers (BEP 12)."""
    (tmp_path / "item").write_bytes(b"content")
    urls = ["udp://10.0.0.1:6969,udp://10.0.0.2:6969", "http://10.0.0.3/announce"]
    metainfo = decode_metainfo(create_torrent(tmp_path / "item", None, urls))
    assert metainfo.trackers == (("udp://10.0.0.1:6969", "udp://10.0.0.2:6969"), ("http://10.0.0.3/announce",))
