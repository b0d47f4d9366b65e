"""Files on disk: the stream they make up, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2p_node.shell import files as files_module
from p2p_node.shell.errors import DiskFull, NodeError
from p2p_node.shell.files import Files
from p2p_node.wire.layout import File, Layout


def layout_of(*parts: tuple[int, bool], gap: int = 0) -> Layout:
    files, offset = [], 0
    for number, (length, padding) in enumerate(parts):
        files.append(File((f"d{number % 3}", str(number)), offset, length, padding))
        offset += length + gap
    return Layout(files)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@settings(deadline=None, max_examples=60)
@given(
    parts=st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=1, max_size=8),
    gap=st.integers(0, 5),
    data=st.data(),
)
def test_any_layout_gives_back_what_was_written(parts: list[tuple[int, bool]], gap: int, data: st.DataObject) -> None:
    """In whatever pieces it is written and read; padding and gaps are zeros, and never on disk."""
    layout = layout_of(*parts, gap=gap)
    content = bytearray(data.draw(st.binary(min_size=layout.end, max_size=layout.end)))
    cuts = sorted(data.draw(st.lists(st.integers(0, layout.end), max_size=5)))
    with TemporaryDirectory() as directory:
        files = Files(layout, Path(directory) / "item", writable=True)
        for start, end in zip([0, *cuts], [*cuts, layout.end], strict=True):
            files.write(start, memoryview(content)[start:end])
        for start, end in layout.padding(0, layout.end):
            content[start:end] = bytes(end - start)
        for start, end in zip([0, *cuts], [*cuts, layout.end], strict=True):
            assert files.read(start, end - start) == content[start:end]
        files.close()
        on_disk = sum(path.stat().st_size for path in Path(directory).rglob("*") if path.is_file())
        assert on_disk == layout.length


def test_a_file_in_memory_is_not_filled_with_zeros_but_must_find_room() -> None:
    """Which would take longer than a flash crowd may wait; there is nothing to lay out."""
    with TemporaryDirectory(dir="/dev/shm") as directory:
        path = Path(directory) / "item"
        Files(Layout([File((), 0, 1 << 20)]), path, writable=True)
        status = path.stat()
        assert (status.st_size, status.st_blocks) == (1 << 20, 0)
        room = os.statvfs(directory)
        with pytest.raises(DiskFull):
            Files(Layout([File((), 0, room.f_bavail * room.f_frsize + (64 << 20))]), path, writable=True)


def test_space_is_allocated_before_the_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file has its full size and its blocks at once, so that the disk does not fill up half-way."""
    monkeypatch.setattr(files_module, "_in_memory", lambda _: False)  # wherever temporary files are kept
    Files(Layout([File((), 0, 1 << 20)]), tmp_path / "item", writable=True).close()
    status = (tmp_path / "item").stat()
    assert (status.st_size, status.st_blocks * 512) >= (1 << 20, 1 << 20)


def test_empty_files_are_created(tmp_path: Path) -> None:
    """A file of no bytes belongs to the download too."""
    Files(layout_of((0, False), (3, False)), tmp_path / "item", writable=True).close()
    assert (tmp_path / "item" / "d0" / "0").read_bytes() == b""


@pytest.mark.parametrize("link", ["d0", "d0/0"])
def test_links_inside_the_download_are_not_followed(tmp_path: Path, link: str) -> None:
    """Neither a directory nor a file of the download may lead elsewhere by a symbolic link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    place = tmp_path / "item" / link
    place.parent.mkdir(parents=True)
    place.symlink_to(outside / "file" if "/" in link else outside)
    with pytest.raises(NodeError, match="cannot open"):
        Files(layout_of((3, False)), tmp_path / "item", writable=True)
    assert list(outside.iterdir()) == []


def test_a_named_pipe_in_a_files_place_is_refused(tmp_path: Path) -> None:
    """Opening it must not wait for another end."""
    os.mkfifo(tmp_path / "item")
    with pytest.raises(NodeError, match="not a regular file"):
        Files(Layout([File((), 0, 3)]), tmp_path / "item", writable=True)


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path) -> None:
    """Reading it says so instead of giving fewer bytes."""
    files = Files(Layout([File((), 0, 100)]), tmp_path / "item", writable=True)
    os.truncate(tmp_path / "item", 50)
    with pytest.raises(NodeError, match="shorter than it was"):
        files.read(0, 100)
    files.close()


def test_few_files_are_open_at_a_time(tmp_path: Path) -> None:
    """A torrent of many files does not use up the process's descriptors."""
    layout = layout_of(*[(1, False)] * (3 * files_module.MAX_OPEN))
    before = open_files()
    files = Files(layout, tmp_path / "item", writable=True)
    files.write(0, memoryview(bytes(range(layout.end))))
    assert files.read(0, layout.end) == bytes(range(layout.end))
    assert open_files() - before <= files_module.MAX_OPEN
    files.sync()
    files.close()
    assert open_files() == before


def test_files_to_seed_from_are_not_changed(tmp_path: Path) -> None:
    """Read only: what is missing is an error and is not created."""
    files = Files(Layout([File((), 0, 3)]), tmp_path / "item", writable=False)
    with pytest.raises(NodeError, match="cannot open"):
        files.read(0, 3)
    assert not (tmp_path / "item").exists()
