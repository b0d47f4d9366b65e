"""Piece layers (BEP 52): the hashes of the pieces of files longer than a piece, each checked against its file's root.

A torrent file carries them; an info dictionary alone does not, so they may also come later, from peers.
"""

from __future__ import annotations

from collections.abc import Sequence

from p2p_node.wire import merkle
from p2p_node.wire.errors import MetainfoError
from p2p_node.wire.layout import File, Layout
from p2p_node.wire.messages import BLOCK


class PieceLayers:
    """The merkle hashes of one torrent's pieces, as far as they are known."""

    def __init__(self, layout: Layout, piece_length: int) -> None:
        self._layout = layout
        self._piece_length = piece_length
        self._layers: dict[bytes, bytes] = {}
        self._files: dict[bytes, File] = {}
        for file in layout.files:
            if file.root is not None and self._files.setdefault(file.root, file).length != file.length:
                raise MetainfoError(f"{'/'.join(file.path)} has another length than a file with the same pieces root")
        self._tree: tuple[bytes, list[list[bytes]]] | None = None
        self._missing = {root: None for root, file in self._files.items() if file.length > piece_length}

    @property
    def missing(self) -> tuple[bytes, ...]:
        """The roots of files whose layer is not known; identical files have one root, and need one layer."""
        return tuple(self._missing)

    @property
    def height(self) -> int:
        """The height of the piece layer."""
        return merkle.height_of(self._piece_length // BLOCK)

    def file(self, root: bytes) -> File | None:
        """A file with this root."""
        return self._files.get(root)

    def tree(self, root: bytes) -> list[list[bytes]] | None:
        """The layers from the piece layer up to this root; None where they are not known. Those of the file asked for
        last are kept: who asks for one part of them asks for the others, too."""
        if self._tree is None or self._tree[0] != root:
            known = self._layer(root)
            if known is None:
                return None
            top = tree_height(self._files[root])
            self._tree = root, merkle.levels(known, top, min(self.height, top))
        return self._tree[1]

    @property
    def unknown(self) -> int:
        """The pieces that cannot be verified, as a set (bit p is piece p)."""
        mask = 0
        for file in self._layout.files:
            if file.root in self._missing:
                count = -(-file.length // self._piece_length)
                mask |= ((1 << count) - 1) << file.offset // self._piece_length
        return mask

    def add(self, root: bytes, hashes: bytes) -> None:
        """Keep a file's layer. Raises MetainfoError when it does not lead to the root."""
        file = self._files[root]
        count = -(-file.length // self._piece_length)
        if len(hashes) != count * merkle.HASH:
            raise MetainfoError(
                f"piece layers: {len(hashes)} bytes for {'/'.join(file.path)}, which has {count} pieces"
            )
        if merkle.root(merkle.split(hashes), tree_height(file), self.height) != root:
            raise MetainfoError(f"piece layers: the hashes of {'/'.join(file.path)} do not lead to its pieces root")
        self._layers[root] = hashes
        self._missing.pop(root, None)

    def all(self) -> dict[bytes, bytes]:
        """The known layers by their roots, as a torrent file has them."""
        return dict(self._layers)

    def knows(self, piece: int) -> bool:
        """Whether this piece can be verified."""
        file, _ = self.place(piece)
        return file.length <= self._piece_length or file.root in self._layers

    def is_right(self, piece: int, data: bytes | memoryview) -> bool:
        """Whether the piece's blocks have the hashes that lead to its file's root; only where `knows` says so."""
        return self.root_of(piece, merkle.leaves(memoryview(data)[: self.size(piece)])) == self.digest(piece)

    def digest(self, piece: int) -> bytes:
        """The merkle hash that this piece must have; only where `knows` says so."""
        file, number = self.place(piece)
        assert file.root is not None
        if file.length <= self._piece_length:
            return file.root
        return self._layers[file.root][number * merkle.HASH : (number + 1) * merkle.HASH]

    def root_of(self, piece: int, leaves: Sequence[bytes]) -> bytes:
        """The merkle hash of a piece whose blocks have these hashes."""
        file, _ = self.place(piece)
        return merkle.root(leaves, min(self.height, tree_height(file)))

    def size(self, piece: int) -> int:
        """Bytes of its file in this piece: what follows is not part of the tree."""
        file, number = self.place(piece)
        return min(self._piece_length, file.length - number * self._piece_length)

    def place(self, piece: int) -> tuple[File, int]:
        """The file that this piece is part of, and its number within the file."""
        offset = piece * self._piece_length
        index = self._layout.at(offset)
        assert index is not None, "every v2 piece starts within a file"
        file = self._layout.files[index]
        return file, (offset - file.offset) // self._piece_length

    def _layer(self, root: bytes) -> list[bytes] | None:
        file = self._files.get(root)
        if file is not None and file.length <= self._piece_length:
            return [root]
        known = self._layers.get(root)
        return merkle.split(known) if known is not None else None


def tree_height(file: File) -> int:
    """The height of a file's root above its blocks."""
    return merkle.height_of(-(-file.length // BLOCK))
