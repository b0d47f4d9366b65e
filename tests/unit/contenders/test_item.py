"""The item, and the comparison of what peers have with it."""

from __future__ import annotations

import hashlib

from harness.contenders.item import make_item, mismatch


def make(tmp_path, name, seed, size=1_500_000):
    return make_item(tmp_path / name, size=size, piece_size=0, seed=seed)


def test_the_content_depends_on_the_seed_alone(tmp_path):
    """Every run of a scenario delivers the same bytes."""
    one, same, other = (make(tmp_path, name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert one.path.read_bytes() == same.path.read_bytes() != other.path.read_bytes()
    assert one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest()
    assert one.path.stat().st_size == one.size


def test_a_true_copy_has_no_mismatch(tmp_path):
    """Byte for byte."""
    item = make(tmp_path, "a", 1)
    copy = tmp_path / "copy"
    copy.write_bytes(item.path.read_bytes())
    assert mismatch(copy, item) is None


def test_one_wrong_bit_is_a_mismatch(tmp_path):
    """Whoever claimed that it was verified."""
    item = make(tmp_path, "a", 1)
    content = bytearray(item.path.read_bytes())
    content[1000] ^= 1
    copy = tmp_path / "copy"
    copy.write_bytes(content)
    assert "differs from the item" in mismatch(copy, item)


def test_a_missing_file_is_a_mismatch(tmp_path):
    """Named, with the reason."""
    assert "cannot be read" in mismatch(tmp_path / "nothing", make(tmp_path, "a", 1))
