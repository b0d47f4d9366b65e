"""The item as it is stored: hashed and written in order, byte for byte as it comes.

Hashing and writing happen where the bytes are received, while they are still in the processor's cache. Handing them to
a thread was measured: a third more CPU a byte, and no sooner done for one download (ADR 0003).
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from harness.contenders.hosting.errors import FetchFailed


class ItemFile:
    """One file being filled. An existing file is written over, for fresh pages are dear and would be measured too."""

    def __init__(self, path: Path, length: int, sha256: str | None) -> None:
        """Raises FetchFailed when the file cannot be made."""
        self.path = path
        self.length = length
        self.stored = 0
        self._expected = sha256
        self._hash = hashlib.sha256()
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if os.fstat(self._fd).st_size != length:
                os.ftruncate(self._fd, length)
        except OSError as error:
            raise FetchFailed(f"cannot store {path}: {error.strerror}") from None

    def append(self, data: memoryview) -> None:
        """Hash and write the next bytes. Raises FetchFailed when there are too many, or the disk takes no more."""
        if self.stored + len(data) > self.length:
            raise FetchFailed(f"the server sent more than the {self.length} bytes it announced")
        if self._expected is not None:
            self._hash.update(data)
        try:
            while data:
                written = os.pwrite(self._fd, data, self.stored)
                self.stored += written
                data = data[written:]
        except OSError as error:
            raise FetchFailed(f"cannot store {self.path}: {error.strerror}") from None

    def verify(self) -> None:
        """Check the whole against the hash that was asked for. Raises FetchFailed."""
        if self._expected is not None and self._hash.hexdigest() != self._expected:
            raise FetchFailed(f"wrong content: its SHA-256 is {self._hash.hexdigest()}, not {self._expected}")

    def close(self) -> None:
        """Keep the file."""
        os.close(self._fd)

    def discard(self) -> None:
        """Remove the file: what is not whole and right must not lie where an item is looked for."""
        os.close(self._fd)
        self.path.unlink(missing_ok=True)
