"""Splits a byte stream into messages; the frame cap is checked before anything is buffered.

A decoder keeps nothing between calls: it says how much it consumed, and whoever reads the socket keeps the rest.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from p2p_node.wire import messages
from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.messages import Message

MAX_FRAME = messages.RUN + 9
"""Longest frame accepted; a bitfield of eight million pieces, or sixty-four ordinary blocks."""

_LENGTH_KIND = struct.Struct(">IB")
_LENGTH = struct.Struct(">I")
_INDEX = struct.Struct(">I")
_RANGE = struct.Struct(">III")
_HASHES = struct.Struct(">32sIIII")
_HAVE_FRAME = struct.Struct(">IBI")
_REQUEST_FRAME = struct.Struct(">IBIII")
_PIECE_HEAD = struct.Struct(">IBII")
_KEEPALIVE = messages.KeepAlive()


def decode_frames(data: memoryview) -> tuple[list[Message], int]:
    """The messages that are whole in `data`, and how many bytes they took.

    Blocks are views of `data`. Neighbouring blocks, requests for such, and HAVEs that follow each other come as one
    message: at full speed a wake-up brings sixty of them, and a message each would cost more than all else. Unknown
    kinds are skipped, as BEP 3 asks.
    Raises ProtocolError on a frame that is longer than MAX_FRAME or whose length does not fit its kind.
    """
    found: list[Message] = []
    append = found.append
    position, end = 0, len(data)
    while end - position >= 5:
        length, kind = _LENGTH_KIND.unpack_from(data, position)
        if length == 0:
            append(_KEEPALIVE)
            position += 4
            continue
        if length > MAX_FRAME:
            raise ProtocolError(f"frame of {length} bytes, more than {MAX_FRAME}")
        frame_end = position + 4 + length
        if frame_end > end:
            return found, position
        if kind == messages.PIECE:
            if length < 10:
                raise ProtocolError("piece message without a block")
            message, frame_end = _decode_blocks(data, position)
            append(message)
        elif kind == messages.REQUEST:
            if length != 13:
                raise ProtocolError(f"request of {length} bytes")
            message, frame_end = _decode_requests(data, position)
            append(message)
        elif kind == messages.HAVE:
            if length != 5:
                raise ProtocolError(f"have of {length} bytes")
            message, frame_end = _decode_haves(data, position)
            append(message)
        elif (decoder := _DECODERS.get(kind)) is not None:
            append(decoder(bytes(data[position + 5 : frame_end])))
        position = frame_end
    if end - position == 4:
        length = _LENGTH.unpack_from(data, position)[0]
        if length == 0:
            append(_KEEPALIVE)
            position += 4
        elif length > MAX_FRAME:
            raise ProtocolError(f"frame of {length} bytes, more than {MAX_FRAME}")
    return found, position


def _decode_blocks(data: memoryview, position: int) -> tuple[Message, int]:
    """The blocks in this whole piece message and in those behind it that continue it, and where the last ends."""
    length, _, piece, begin = _PIECE_HEAD.unpack_from(data, position)
    last_start = len(data) - _PIECE_HEAD.size
    blocks: list[memoryview] = []
    following = begin
    while True:
        end = position + 4 + length
        blocks.append(data[position + 13 : end])
        following += length - 9
        position = end
        if position > last_start:
            break
        its_length, kind, its_piece, its_begin = _PIECE_HEAD.unpack_from(data, position)
        if its_begin != following or its_length != length or its_piece != piece or kind != messages.PIECE:
            break
        if position + 4 + length > len(data):
            break
    return messages.Blocks(piece, begin, blocks) if len(blocks) > 1 else messages.Piece(piece, begin, blocks[0]), end


def _decode_requests(data: memoryview, position: int) -> tuple[Message, int]:
    """The request at `position` and those behind it that continue it, and where the last ends."""
    _, _, piece, begin, length = _REQUEST_FRAME.unpack_from(data, position)
    whole = (len(data) - position) // _REQUEST_FRAME.size
    count = 0
    following = begin
    for size, kind, its_piece, its_begin, its_length in _REQUEST_FRAME.iter_unpack(
        data[position : position + whole * _REQUEST_FRAME.size]
    ):
        if (
            its_begin != following
            or its_length != length
            or its_piece != piece
            or kind != messages.REQUEST
            or size != 13
        ):
            break
        count += 1
        following += length
    end = position + count * _REQUEST_FRAME.size
    if count == 1:
        return messages.Request(piece, begin, length), end
    return messages.Requests(piece, begin, length, count), end


def _decode_haves(data: memoryview, position: int) -> tuple[Message, int]:
    """The HAVE at `position` and those right behind it, and where the last ends."""
    whole = (len(data) - position) // _HAVE_FRAME.size
    pieces: list[int] = []
    for size, kind, piece in _HAVE_FRAME.iter_unpack(data[position : position + whole * _HAVE_FRAME.size]):
        if kind != messages.HAVE or size != 5:
            break
        pieces.append(piece)
    end = position + len(pieces) * _HAVE_FRAME.size
    return messages.Haves(tuple(pieces)) if len(pieces) > 1 else messages.Have(pieces[0]), end


def piece_head(rest: memoryview) -> tuple[int, int, int] | None:
    """The piece, begin and length of the block at whose message a stream breaks off; None when it is another message,
    or cannot be told yet. To be asked after `decode_frames`, which has judged the length."""
    if len(rest) < _PIECE_HEAD.size:
        return None
    length, kind, piece, begin = _PIECE_HEAD.unpack_from(rest)
    return (piece, begin, length - 9) if kind == messages.PIECE else None


def missing_bytes(rest: bytes) -> int:
    """How many bytes the incomplete frame at the end of a stream still lacks; at least 1, as far as is known."""
    if len(rest) < 4:
        return 1
    return max(4 + int(_LENGTH.unpack_from(rest)[0]) - len(rest), 1)


def _bare(message: Message) -> Callable[[bytes], Message]:
    def decode(payload: bytes) -> Message:
        if payload:
            raise ProtocolError(f"{type(message).__name__} with a payload")
        return message

    return decode


def _indexed(make: Callable[[int], Message]) -> Callable[[bytes], Message]:
    def decode(payload: bytes) -> Message:
        if len(payload) != 4:
            raise ProtocolError(f"message with a piece index of {len(payload)} bytes")
        return make(_INDEX.unpack(payload)[0])

    return decode


def _ranged(make: Callable[[int, int, int], Message]) -> Callable[[bytes], Message]:
    def decode(payload: bytes) -> Message:
        if len(payload) != 12:
            raise ProtocolError(f"message with a block range of {len(payload)} bytes")
        return make(*_RANGE.unpack(payload))

    return decode


def _port(payload: bytes) -> Message:
    if len(payload) != 2:
        raise ProtocolError(f"port of {len(payload)} bytes")
    return messages.Port(int.from_bytes(payload, "big"))


def _extended(payload: bytes) -> Message:
    if not payload:
        raise ProtocolError("extension message without a number")
    return messages.Extended(payload[0], payload[1:])


def _hash_ranged(make: Callable[[bytes, int, int, int, int], Message]) -> Callable[[bytes], Message]:
    def decode(payload: bytes) -> Message:
        if len(payload) != _HASHES.size:
            raise ProtocolError(f"message with a hash range of {len(payload)} bytes")
        return make(*_HASHES.unpack(payload))

    return decode


def _hashes(payload: bytes) -> Message:
    if len(payload) <= _HASHES.size or (len(payload) - _HASHES.size) % 32:
        raise ProtocolError(f"hashes of {len(payload)} bytes")
    root, base, index, length, proof = _HASHES.unpack_from(payload)
    return messages.Hashes(root, base, index, length, proof, payload[_HASHES.size :])


_DECODERS: dict[int, Callable[[bytes], Message]] = {
    messages.CHOKE: _bare(messages.Choke()),
    messages.UNCHOKE: _bare(messages.Unchoke()),
    messages.INTERESTED: _bare(messages.Interested()),
    messages.NOT_INTERESTED: _bare(messages.NotInterested()),
    messages.BITFIELD: messages.Bitfield,
    messages.CANCEL: _ranged(messages.Cancel),
    messages.PORT: _port,
    messages.SUGGEST: _indexed(messages.Suggest),
    messages.HAVE_ALL: _bare(messages.HaveAll()),
    messages.HAVE_NONE: _bare(messages.HaveNone()),
    messages.REJECT: _ranged(messages.Reject),
    messages.ALLOWED_FAST: _indexed(messages.AllowedFast),
    messages.EXTENDED: _extended,
    messages.HASH_REQUEST: _hash_ranged(messages.HashRequest),
    messages.HASHES: _hashes,
    messages.HASH_REJECT: _hash_ranged(messages.HashReject),
}
