"""Torrents made by one implementation and read by another: ours, and libtorrent's as the independent check."""

from __future__ import annotations

from pathlib import Path
from random import Random

import libtorrent as lt
import pytest

from p2p_node.shell.errors import NodeError
from p2p_node.shell.storage import Storage
from p2p_node.shell.torrent import Version, create_torrent
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.metainfo import Metainfo, decode_info, decode_metainfo

SIZES = {"a.bin": 100_000, "b/empty": 0, "b/c.bin": 16_384, "b/d/e.bin": 200_001, "f": 1, "g.bin": 65_536}
FLAGS = {
    Version.V1: lt.create_torrent.v1_only,
    Version.V2: lt.create_torrent.v2_only,
    Version.HYBRID: lt.create_torrent.canonical_files,
}


@pytest.fixture
def content(tmp_path: Path) -> Path:
    rng = Random(7)
    for name, size in SIZES.items():
        path = tmp_path / "item" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))
    return tmp_path / "item"


def made_by_libtorrent(path: Path, version: Version, piece_length: int) -> bytes:
    made = lt.create_torrent(lt.list_files(str(path)), piece_length, FLAGS[version])
    made.add_tracker("http://one/announce", 0)
    made.add_tracker("http://two/announce", 1)
    made.add_url_seed("http://web/")
    lt.set_piece_hashes(made, str(path.parent))
    return lt.bencode(made.generate())


def same_identity(metainfo: Metainfo, theirs: lt.torrent_info, version: Version) -> None:
    hashes = theirs.info_hashes()
    assert (hashes.has_v1(), hashes.has_v2()) == (version is not Version.V2, version is not Version.V1)
    assert metainfo.v1 is hashes.has_v1()
    assert metainfo.info_hash == (hashes.v1.to_bytes() if metainfo.v1 else hashes.v2.to_bytes()[:20])
    assert metainfo.info_hash_v2 == (hashes.v2.to_bytes() if hashes.has_v2() else None)


def holds(metainfo: Metainfo, path: Path) -> bool:
    storage = Storage(metainfo, path, writable=False)
    try:
        return storage.check() == (1 << metainfo.piece_count) - 1
    finally:
        storage.close()


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("name", ["", "a.bin", "f", "b/c.bin"])
@pytest.mark.parametrize("piece_length", [16_384, 32_768])
def test_libtorrents_torrents_are_read(content: Path, version: Version, name: str, piece_length: int) -> None:
    """Of every version, of files and directories: the same identity, and every piece of the content is right."""
    path = content / name
    torrent = made_by_libtorrent(path, version, piece_length)
    metainfo, theirs = decode_metainfo(torrent), lt.torrent_info(lt.bdecode(torrent))
    same_identity(metainfo, theirs, version)
    assert metainfo.trackers == (("http://one/announce",), ("http://two/announce",))
    assert metainfo.web_seeds == ("http://web/",)
    assert metainfo.piece_count == theirs.num_pieces()
    assert holds(metainfo, path)


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("name", ["", "a.bin", "f"])
def test_libtorrent_reads_ours(content: Path, version: Version, name: str) -> None:
    """With the same identities and the same files."""
    torrent = create_torrent(content / name, 32_768, ["http://one/announce"], ["http://web/"], True, version)
    metainfo, theirs = decode_metainfo(torrent), lt.torrent_info(lt.bdecode(torrent))
    same_identity(metainfo, theirs, version)
    assert theirs.priv() and metainfo.private
    files = theirs.layout()
    sizes = [files.file_size(index) for index in range(files.num_files()) if not files.file_flags(index) & 1]
    assert sizes == [file.length for file in metainfo.layout.files if not file.padding]
    assert holds(metainfo, content / name)


@pytest.mark.parametrize("version", Version)
def test_one_wrong_byte_makes_one_piece_wrong(content: Path, version: Version) -> None:
    """By whichever hash the version has."""
    metainfo = decode_metainfo(create_torrent(content, 16_384, version=version))
    with (content / "b/d/e.bin").open("r+b") as file:
        file.seek(100_000)
        byte = file.read(1)[0]
        file.seek(100_000)
        file.write(bytes([byte ^ 1]))
    storage = Storage(metainfo, content, writable=False)
    assert metainfo.piece_count - storage.check().bit_count() == 1
    storage.close()


def test_an_info_dictionary_alone_lacks_the_layers_of_large_files(content: Path) -> None:
    """Pieces of files that are longer than a piece cannot be verified until their layer came; the others can."""
    whole = decode_metainfo(create_torrent(content, 16_384, version=Version.V2))
    alone = decode_info(whole.raw_info)
    assert alone.info_hash == whole.info_hash
    assert whole.layers is not None and alone.layers is not None
    assert len(alone.layers.missing) == 3
    assert [alone.can_verify(piece) for piece in range(alone.piece_count)].count(True) == 2
    for root, layer in whole.layers.all().items():
        with pytest.raises(MetainfoError, match="do not lead"):
            alone.layers.add(root, bytes(len(layer)))
        alone.layers.add(root, layer)
    assert alone.layers.missing == ()
    assert holds(alone, content)


def test_padding_is_not_requested_and_not_stored(content: Path) -> None:
    """Blocks of a hybrid that are all padding are named, and no file of zeros appears."""
    metainfo = decode_metainfo(create_torrent(content, 65_536, version=Version.HYBRID))
    assert [metainfo.padding(piece) for piece in range(6)] == [0, 0b1000, 0b1110, 0, 0, 0]
    storage = Storage(metainfo, content.with_name("copy"), writable=True)
    storage.close()
    assert sorted(path.name for path in content.with_name("copy").rglob("*")) == sorted(
        path.name for path in content.rglob("*")
    )


def test_what_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    """An empty directory, a link that leads elsewhere, a name that others would refuse."""
    (tmp_path / "item").mkdir()
    with pytest.raises(NodeError, match="is empty"):
        create_torrent(tmp_path / "item")
    (tmp_path / "item" / "link").symlink_to("/etc/passwd")
    with pytest.raises(NodeError, match="neither a file nor a directory"):
        create_torrent(tmp_path / "item")
    (tmp_path / "a\\b").write_bytes(b"x")
    with pytest.raises(NodeError, match="would leave"):
        create_torrent(tmp_path / "a\\b")
