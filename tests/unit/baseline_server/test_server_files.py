"""Files are opened below the root and nowhere else, by the kernel's rule and by our own where it has none."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from baseline_server.beneath import open_beneath, openat2_works, walk_beneath
from baseline_server.errors import FileChanged, Refusal, UsageError
from baseline_server.files import Root

Opener = Callable[[int, bytes], int]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(b"secret")
    root = tmp_path / "root"
    (root / "dir").mkdir(parents=True)
    (root / "dir" / "file").write_bytes(b"content")
    (root / "inside").symlink_to("dir/file")
    (root / "outside").symlink_to("../secret")
    (root / "absolute").symlink_to(tmp_path / "secret")
    (root / "up").symlink_to("..")
    (root / "loop").symlink_to("loop")
    return root


@pytest.fixture
def directory(site: Path) -> Iterator[int]:
    fd = os.open(site, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.fixture(params=["kernel", "walk"])
def opener(request: pytest.FixtureRequest) -> Opener:
    if request.param == "walk":
        return walk_beneath
    if not openat2_works():
        pytest.skip("this kernel has no openat2")
    return open_beneath


def test_a_file_below_is_opened(opener: Opener, directory: int) -> None:
    """A plain path works either way."""
    fd = opener(directory, b"dir/file")
    assert os.read(fd, 100) == b"content"
    os.close(fd)


@pytest.mark.parametrize(
    "path", [b"../secret", b"dir/../../secret", b"/etc/passwd", b"outside", b"absolute", b"up/secret", b"loop", b"x\0y"]
)
def test_nothing_else_is(opener: Opener, directory: int, path: bytes) -> None:
    """No link, no `..` and no absolute path leads out."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises((OSError, ValueError)):
        os.close(opener(directory, path))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_links_inside(directory: int) -> None:
    """The kernel's rule follows a link that stays inside; walking refuses every link, the safe side of not knowing."""
    if openat2_works():
        os.close(open_beneath(directory, b"inside"))
    with pytest.raises(OSError):
        walk_beneath(directory, b"inside")


@pytest.mark.parametrize("path", [b"", b"dir", b"missing", b"dir/file/x", b"outside", b"a" * 300])
def test_what_is_no_file_is_not_found(site: Path, path: bytes) -> None:
    """Directories and escapes are told apart from nothing: 404."""
    with pytest.raises(Refusal) as refused:
        Root(site).open(path)
    assert refused.value.status is HTTPStatus.NOT_FOUND


@pytest.mark.parametrize("name", ["dir/file", "missing"])
def test_a_root_must_be_a_directory(site: Path, name: str) -> None:
    """The message names the path, for a person to mend."""
    with pytest.raises(UsageError, match=name):
        Root(site / name)


def test_a_new_version_has_a_new_tag(site: Path) -> None:
    """A strong ETag changes with the content, and an open file knows that it is not the same any more."""
    root = Root(site)
    old = root.open(b"dir/file")
    old.check_unchanged()
    (site / "dir" / "file").write_bytes(b"CONTENT")
    os.utime(site / "dir" / "file", ns=(1, 1))
    new = root.open(b"dir/file")
    assert new.validators.etag != old.validators.etag
    with pytest.raises(FileChanged):
        old.check_unchanged()
    old.close()
    new.close()
    root.close()
