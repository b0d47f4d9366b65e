"""The hashes of an item's pieces, from its torrent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bencode2

from harness.contenders.hosting.errors import FetchFailed

DIGEST = 20


@dataclass(frozen=True, slots=True)
class Torrent:
    """One file in pieces (BEP 3); sizes in bytes."""

    name: str
    length: int
    piece_length: int
    digests: bytes

    @property
    def pieces(self) -> int:
        """How many there are."""
        return len(self.digests) // DIGEST

    def piece_size(self, piece: int) -> int:
        """The last one may be short."""
        return min(self.piece_length, self.length - piece * self.piece_length)

    def digest(self, piece: int) -> bytes:
        """The SHA-1 of a piece."""
        return self.digests[DIGEST * piece : DIGEST * (piece + 1)]


def read_torrent(path: Path) -> Torrent:
    """The torrent in a file, which the harness itself has made; raises FetchFailed."""
    try:
        info = bencode2.bdecode(path.read_bytes())[b"info"]
        return Torrent(info[b"name"].decode(), info[b"length"], info[b"piece length"], info[b"pieces"])
    except (OSError, bencode2.BencodeDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise FetchFailed(f"{path} is not a torrent of one file: {error!r}") from None
