"""A peer after a script, on a plain socket: says what no client would."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

from p2p_node.wire.errors import ProtocolError
from p2p_node.wire.frames import decode_frames
from p2p_node.wire.handshake import LENGTH, Handshake
from p2p_node.wire.messages import HaveAll, Message, Piece, Request, Requests, Unchoke, encode

PATIENCE_S = 20.0


class Attacker:
    """One connection to the peer at `target`."""

    def __init__(self, target: tuple[str, int], host: str, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.bind((host, 0))
        self.socket.connect(target)

    def shake_hands(self, info_hash: bytes, peer_id: bytes = b"-XX0000-............") -> Handshake:
        """Say who we are not; returns the other's answer."""
        self.socket.sendall(Handshake(info_hash, peer_id).encode())
        answer = b""
        while len(answer) < LENGTH:
            received = self.socket.recv(LENGTH - len(answer))
            if not received:
                raise ConnectionResetError
            answer += received
        return Handshake.decode(answer)

    def say(self, *messages: Message) -> None:
        """Send messages, as far as the other still listens."""
        self.send(b"".join(map(encode, messages)))

    def send(self, data: bytes) -> None:
        """Send bytes, as far as the other still listens."""
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def is_dropped(self, patience_s: float = PATIENCE_S) -> bool:
        """Whether the other ends the connection in time; what it says before is passed over."""
        deadline = time.monotonic() + patience_s
        try:
            while (left := deadline - time.monotonic()) > 0:
                self.socket.settimeout(left)
                if not self.socket.recv(1 << 16):
                    return True
        except TimeoutError:
            return False
        except OSError:
            return True
        return False

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def lie(link: socket.socket, info_hash: bytes, peer_id: bytes) -> None:
    """Say on this connection that everything is here, and answer each request with zeros, until it ends."""
    link.sendall(Handshake(info_hash, peer_id).encode() + encode(HaveAll()) + encode(Unchoke()))
    rest = b""
    shaken = False
    while received := link.recv(1 << 16):
        rest += received
        if not shaken:
            if len(rest) < LENGTH:
                continue
            shaken, rest = True, rest[LENGTH:]
        found, used = decode_frames(memoryview(rest))
        for message in found:
            if isinstance(message, Request):
                link.sendall(encode(Piece(message.piece, message.begin, bytes(message.length))))
            elif isinstance(message, Requests):
                for at in range(message.begin, message.begin + message.count * message.length, message.length):
                    link.sendall(encode(Piece(message.piece, at, bytes(message.length))))
        rest = rest[used:]


@contextlib.contextmanager
def liar(host: str, info_hash: bytes) -> Iterator[tuple[str, int]]:
    """A peer that listens on `host` and lies to whoever dials it."""
    with socket.create_server((host, 0)) as server:

        def serve(link: socket.socket) -> None:
            with contextlib.suppress(OSError, ProtocolError), link:
                lie(link, info_hash, b"-XX0000-liar-liar-li")

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server.getsockname()[:2]
        server.shutdown(socket.SHUT_RDWR)
