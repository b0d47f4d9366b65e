"""Small files in memory: found while nothing about them has changed, and never after."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from serving import baseline_server

from baseline_server.files import Root
from baseline_server.request import Request
from baseline_server.response import Context
from baseline_server.shelf import LARGEST, ROOM, Shelf

LONG_AGO = 1_000_000_000
CONTEXT = Context(b"Sun, 06 Nov 1994 08:49:37 GMT", "1.1", keep_alive=True)


def asking(method: bytes = b"GET", **headers: bytes) -> Request:
    return Request(method, b"/file", {name.encode(): value for name, value in headers.items()}, True, "1.1")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Sets what the shelf takes for seconds since now: a ctime cannot be set back, so the clock is put forward."""
    real = time.time_ns
    return lambda later_s: monkeypatch.setattr("baseline_server.shelf.time.time_ns", lambda: real() + later_s * 10**9)


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / "file").write_bytes(b"content")
    root = Root(tmp_path)
    yield root
    root.close()


def keep(shelf: Shelf, root: Root, path: bytes) -> None:
    file = root.open(path)
    shelf.keep(file)
    file.close()


def test_what_has_rested_is_kept(root: Root, now: Callable[[int], None]) -> None:
    """A file just written may be written again within the same tick, unseen; later it is kept."""
    shelf = Shelf(root.fd)
    keep(shelf, root, b"file")
    assert shelf.find(b"file") is None
    now(10)
    keep(shelf, root, b"file")
    kept = shelf.find(b"file")
    assert kept is not None
    assert kept.answer(asking(), CONTEXT).head.endswith(b"\r\n\r\ncontent")


def _written(path: Path) -> None:
    path.write_bytes(b"CONTENT")


def _written_and_backdated(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"CONTENT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replaced(path: Path) -> None:
    before = path.stat()
    (path.parent / "new").write_bytes(b"CONTENT")
    os.utime(path.parent / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (path.parent / "new").rename(path)


def _locked(path: Path) -> None:
    path.chmod(0)


def _removed(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("change", [_written, _written_and_backdated, _replaced, _locked, _removed])
def test_what_has_changed_is_not_found(
    change: Callable[[Path], None], root: Root, tmp_path: Path, now: Callable[[int], None]
) -> None:
    """Neither other bytes under an old date, nor another file of the name, nor other rights go unnoticed."""
    shelf = Shelf(root.fd)
    now(10)
    keep(shelf, root, b"file")
    assert shelf.find(b"file") is not None
    time.sleep(0.02)  # the clock was put forward; the file system's must tick
    change(tmp_path / "file")
    assert shelf.find(b"file") is None


def test_answers_are_those_of_the_file(root: Root, now: Callable[[int], None]) -> None:
    """Ranges, conditions and HEAD mean the same from memory, and the last answer is given to its request only."""
    shelf = Shelf(root.fd)
    now(10)
    keep(shelf, root, b"file")
    kept = shelf.find(b"file")
    assert kept is not None
    whole, part = asking(), asking(range=b"bytes=1-3")
    for _ in range(2):
        assert kept.answer(whole, CONTEXT).head.endswith(b"\r\n\r\ncontent")
        assert kept.answer(part, CONTEXT).head.endswith(b"\r\n\r\nont")
    assert kept.answer(asking(b"HEAD"), CONTEXT).head.endswith(b"\r\n\r\n")
    unchanged = Request(b"GET", b"/file", {b"if-none-match": b"*"}, True, "1.1")
    assert kept.answer(unchanged, CONTEXT).status is HTTPStatus.NOT_MODIFIED
    later = Context(b"Sun, 06 Nov 1994 08:49:38 GMT", "1.1", keep_alive=True)
    assert b"08:49:38" in kept.answer(whole, later).head


def test_room_is_bounded(root: Root, tmp_path: Path, now: Callable[[int], None]) -> None:
    """Large files are not kept, and what came first goes when there is no more room."""
    shelf = Shelf(root.fd)
    now(10)
    (tmp_path / "large").write_bytes(bytes(LARGEST + 1))
    keep(shelf, root, b"large")
    assert shelf.find(b"large") is None
    keep(shelf, root, b"file")
    names = [b"%d" % number for number in range(ROOM // LARGEST)]
    for name in names:
        (tmp_path / name.decode()).write_bytes(bytes(LARGEST))
        keep(shelf, root, name)
    assert shelf.find(b"file") is None
    assert all(shelf.find(name) is not None for name in names)


def test_a_served_file_may_change(tmp_path: Path) -> None:
    """Over the wire: from the shelf, then changed, each answer is of the version of its moment."""
    (tmp_path / "file").write_bytes(b"one")
    time.sleep(2.1)  # until it has rested
    with baseline_server(tmp_path) as served:
        assert [served.get("/file").body for _ in range(3)] == [b"one"] * 3
        (tmp_path / "file").write_bytes(b"two")
        assert [served.get("/file").body for _ in range(3)] == [b"two"] * 3
