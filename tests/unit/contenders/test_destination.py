"""Where a peer's file will lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contenders.base import Item
from harness.contenders.destination import prepare
from harness.errors import SwarmbenchError


def item(size: int) -> Item:
    return Item(Path("/elsewhere/item.bin"), size, "", 0)


def test_a_prewritten_file_is_whole_and_blank_whatever_lay_there(tmp_path):
    """It holds no byte of the item, so that no client can take it for done; what else lay there is gone."""
    directory = tmp_path / "peer"
    directory.mkdir()
    (directory / "item.bin").write_bytes(b"the item, of an earlier step" * 100_000)
    (directory / "item.bin.aria2").write_bytes(b"a client's notes")
    prepare(directory, item(1_500_000), prewritten=True)
    assert [path.name for path in directory.iterdir()] == ["item.bin"]
    assert (directory / "item.bin").read_bytes() == bytes(1_500_000)


def test_otherwise_there_is_an_empty_directory(tmp_path):
    """A peer starts with nothing."""
    prepare(tmp_path / "peer", item(10), prewritten=False)
    assert list((tmp_path / "peer").iterdir()) == []


def test_a_full_disk_is_an_error_of_one_line(tmp_path):
    """It names the place."""
    (tmp_path / "item.bin").symlink_to("/dev/full")
    with pytest.raises(SwarmbenchError, match=r"item\.bin: cannot be written"):
        prepare(tmp_path, item(10), prewritten=True)
