"""The item to deliver: made from a seed, once a run, and compared with what peers say they have."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from harness.contenders.base import Item
from harness.results.files import writing

NAME = "item.bin"

CHUNK = 2**20

WORD = 8


def make_item(directory: Path, *, size: int, piece_size: int, seed: int) -> Item:
    """Write the item into a directory of its own: bytes that depend on the seed alone, and that nothing compresses.

    Raises SwarmbenchError when the disk is full.
    """
    path = directory / NAME
    bits = np.random.SFC64(seed)  # whose stream NumPy promises to keep, three times as fast as `random`
    digest = hashlib.sha256()
    with writing(directory):
        directory.mkdir()
    with writing(path), path.open("wb") as file:
        for start in range(0, size, CHUNK):
            chunk = bits.random_raw(CHUNK // WORD).tobytes()[: size - start]
            digest.update(chunk)
            file.write(chunk)
    return Item(path, size, digest.hexdigest(), piece_size)


def mismatch(path: Path, item: Item) -> str | None:
    """What is wrong with a peer's file, or None if it is the item, byte for byte."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"its file cannot be read: {path} ({error.strerror})"
    return None if sha256 == item.sha256 else f"its file differs from the item: SHA-256 {sha256}, not {item.sha256}"
