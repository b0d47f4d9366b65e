"""Hash requests (BEP 52): serving merkle hashes to peers, and collecting those that an info dictionary alone lacks.

Whatever is kept leads to a pieces root of the info dictionary, so a peer that sends wrong hashes can do no harm.
"""

from __future__ import annotations

from collections.abc import Sequence

from p2p_node.wire import merkle
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.layout import File
from p2p_node.wire.messages import BLOCK, Hashes, HashRange, HashReject, HashRequest
from p2p_node.wire.metainfo import Metainfo
from p2p_node.wire.piece_layers import PieceLayers, tree_height

MOST = 512
"""Hashes in a request; BEP 52 says not to ask for more."""


def pieces_to_hash(metainfo: Metainfo, request: HashRequest) -> range:
    """The pieces whose blocks must be hashed for `answer`: none, unless leaves below the piece layer are wanted."""
    found = _find(metainfo, request)
    if found is None or request.base == found[0].height:
        return range(0)
    layers, file = found
    first, last = request.index, min(request.index + request.length, _blocks(file)) - 1
    start = file.offset // metainfo.piece_length
    return range(start + (first >> layers.height), start + (last >> layers.height) + 1)


def answer(metainfo: Metainfo, request: HashRequest, leaves: Sequence[bytes] = ()) -> Hashes | HashReject:
    """The reply to a request; `leaves` are the hashes of all blocks of `pieces_to_hash`, where we have these pieces."""
    found = _find(metainfo, request)
    upper = found[0].tree(request.root) if found is not None else None
    if found is None or upper is None or (request.base < found[0].height and not leaves):
        return reject(request)
    layers, file = found
    top, joint = tree_height(file), _piece_height(layers, file)
    lower = merkle.levels(leaves, joint)
    start = request.index >> joint << joint

    def row(height: int, index: int, length: int) -> list[bytes]:
        hashes, index = (
            (upper[height - joint], index) if height >= joint else (lower[height], index - (start >> height))
        )
        held = hashes[index : index + length]
        return held + [merkle.beyond(height)] * (length - len(held))

    hashes = row(request.base, request.index, request.length)
    highest = min(request.base + request.proof, top - 1)
    for height in range(request.base + merkle.height_of(request.length), highest + 1):
        hashes += row(height, request.index >> (height - request.base) ^ 1, 1)
    return Hashes(*_fields(request), b"".join(hashes))


def reject(request: HashRequest) -> HashReject:
    """The reply that says no."""
    return HashReject(*_fields(request))


def request_of(reply: HashRange) -> HashRequest:
    """The request that this is the reply to."""
    return HashRequest(*_fields(reply))


class HashCollector:
    """Asks for the piece layers that are missing, range by range, and adds them to the metainfo when they are whole."""

    def __init__(self, metainfo: Metainfo) -> None:
        assert metainfo.layers is not None
        self._layers = metainfo.layers
        self._wanted = {request: None for root in self._layers.missing for request in self._ranges(root)}
        self._asked: set[HashRequest] = set()
        self._held: dict[bytes, dict[int, list[bytes]]] = {}

    @property
    def complete(self) -> bool:
        """Whether every piece can be verified."""
        return not self._layers.missing

    @property
    def wanting(self) -> bool:
        """Whether `next_request` has one."""
        return bool(self._wanted)

    def next_request(self) -> HashRequest | None:
        """What to ask some peer for next; the caller sees to it that it ends in `received` or `failed`."""
        request = next(iter(self._wanted), None)
        if request is not None:
            del self._wanted[request]
            self._asked.add(request)
        return request

    def failed(self, request: HashRequest) -> None:
        """It was rejected, or the peer is gone or too slow: another may be asked."""
        if request in self._asked:
            self._asked.remove(request)
            self._wanted[request] = None

    def received(self, message: Hashes) -> bool:
        """Whether these hashes make another file's pieces verifiable. Raises ProtocolError when they were not asked for
        or do not lead to the root; what was asked for is then to be asked elsewhere."""
        request = request_of(message)
        if request not in self._asked:
            raise ProtocolError("hashes that were not asked for")
        self.failed(request)  # unless they are right
        file = self._layers.file(request.root)
        assert file is not None
        hashes = merkle.split(message.hashes)
        span = merkle.height_of(request.length)
        if len(hashes) != request.length + tree_height(file) - request.base - span:
            raise ProtocolError(f"{len(hashes)} hashes in answer to a request for {request.length}")
        row, uncles = hashes[: request.length], hashes[request.length :]
        top = merkle.root(row, request.base + span, request.base)
        if merkle.climb(top, request.index >> span, uncles) != request.root:
            raise ProtocolError("hashes that do not lead to the pieces root")
        del self._wanted[request]
        held = self._held.setdefault(request.root, {})
        held[request.index] = row
        return self._join(file, held)

    def _join(self, file: File, held: dict[int, list[bytes]]) -> bool:
        assert file.root is not None
        if sum(map(len, held.values())) < _pieces(self._layers, file):
            return False
        layer = [digest for index in sorted(held) for digest in held[index]]
        self._layers.add(file.root, b"".join(layer[: _pieces(self._layers, file)]))
        del self._held[file.root]
        return True

    def _ranges(self, root: bytes) -> list[HashRequest]:
        file = self._layers.file(root)
        assert file is not None
        base, top = self._layers.height, tree_height(file)
        length = min(MOST, 1 << (top - base))
        return [
            HashRequest(root, base, index, length, top - base - 1)
            for index in range(0, _pieces(self._layers, file), length)
        ]


def leaf_request(metainfo: Metainfo, piece: int) -> HashRequest | None:
    """What to ask a peer for to learn which block of a wrong piece is wrong; None where the piece has but one, or more
    than a request may ask for."""
    assert metainfo.layers is not None
    file, number = metainfo.layers.place(piece)
    length = 1 << _piece_height(metainfo.layers, file)
    if file.root is None or not 2 <= length <= MOST:
        return None
    return HashRequest(file.root, 0, number << metainfo.layers.height, length, 0)


def proven_leaves(metainfo: Metainfo, piece: int, message: Hashes) -> list[bytes]:
    """The hashes that this piece's blocks must have, by the answer to `leaf_request`. Raises ProtocolError when the
    answer does not lead to the piece's hash."""
    layers = metainfo.layers
    assert layers is not None
    told = merkle.split(message.hashes)
    if len(told) != message.length or layers.root_of(piece, told) != layers.digest(piece):
        raise ProtocolError("leaf hashes that do not lead to the piece's hash")
    return told


def _find(metainfo: Metainfo, request: HashRange) -> tuple[PieceLayers, File] | None:
    """The file that a sound request is about."""
    layers = metainfo.layers
    file = layers.file(request.root) if layers is not None else None
    if layers is None or file is None or request.base not in (0, layers.height):
        return None
    room = tree_height(file) - request.base
    width = 1 << merkle.height_of(request.length)
    held = -(-_blocks(file) // (1 << request.base))
    truncated = request.index + request.length == held
    if not 2 <= request.length <= MOST or (request.length != width and not truncated):
        return None
    if room < 1 or request.index % width or request.index >= held or request.index + width > 1 << room:
        return None
    return layers, file


def _piece_height(layers: PieceLayers, file: File) -> int:
    return min(layers.height, tree_height(file))


def _blocks(file: File) -> int:
    return -(-file.length // BLOCK)


def _pieces(layers: PieceLayers, file: File) -> int:
    return -(-file.length // (BLOCK << layers.height))


def _fields(message: HashRange) -> tuple[bytes, int, int, int, int]:
    return message.root, message.base, message.index, message.length, message.proof
