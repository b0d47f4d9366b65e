"""One lookup over a fleet's stream: what it found is kept, however it ends."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest

from harness.demand.messages import Answered, Assignment, Question
from harness.demand.seeking import Seek

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
REFUSED = b'HTTP/1.1 404 Not Found\r\nContent-Length: 24\r\n\r\n{"error": "no node peer"}'
T0 = 100.0


def event(name: str, at_s: float, **more: object) -> bytes:
    line = json.dumps({"event": name, "at": T0 + at_s, **more}).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(line), line)


STARTED = event("started", 1.25, lookup="c0ffee")
FIRST = event("found", 1.5, peers=["127.0.0.1:7"], hops=2)
SECOND = event("found", 1.75, peers=["127.0.0.2:7", "127.0.0.3:7"], hops=1)
DONE = event("done", 2.0, hops=4)
END = b"0\r\n\r\n"


@contextmanager
def answering(control: Path, said: bytes) -> Iterator[list[bytes]]:
    """A fleet that says this to the one who asks; yields what it was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while b"}" not in b"".join(asked):
                asked.append(connection.recv(4096))
            connection.sendall(said)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(control))
        listener.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield asked
        thread.join(10)


def within(_seconds: float, _raises: bool) -> AbstractContextManager[None]:
    """Nobody's patience ends."""
    return nullcontext()


def look(
    control: Path, timeout: Callable[[float, bool], AbstractContextManager[None]] = within, node: str = "peer-001.0"
) -> Answered:
    question = Question(7, 1.0, str(control), node, "ab" * 20)
    seek = Seek(question, T0, 10.0)
    with seek.connected():
        seek.run(timeout)
    return seek.report(Assignment("swarm-dht", 16, 0, T0, 10.0, [question]))


def test_times_count_from_the_first_moment_and_hops_are_the_first_finds(tmp_path):
    """All who were found, in order; the longest path is told at the end."""
    with answering(tmp_path / "s", HEAD + STARTED + FIRST + SECOND + DONE + END):
        answer = look(tmp_path / "s")
    peers = ["127.0.0.1:7", "127.0.0.2:7", "127.0.0.3:7"]
    assert answer == Answered(7, "c0ffee", 1.25, 1.5, 2.0, peers, 2, 4, None)


def test_the_node_is_asked_for_the_key(tmp_path):
    """A name that would end the path is quoted."""
    with answering(tmp_path / "s", HEAD + STARTED + DONE + END) as asked:
        look(tmp_path / "s", node="peer 1?x")
    request = b"".join(asked)
    assert request.startswith(b"POST /nodes/peer%201%3Fx/lookup HTTP/1.1\r\n")
    assert request.endswith(b'{"key":"%s"}' % (b"ab" * 20))


def test_to_find_nobody_is_no_error(tmp_path):
    """The network was asked, and told so."""
    with answering(tmp_path / "s", HEAD + STARTED + DONE + END):
        assert look(tmp_path / "s") == Answered(7, "c0ffee", 1.25, None, 2.0, [], None, 4, None)


def test_a_stream_that_ends_early_keeps_what_was_found(tmp_path):
    """And the reason."""
    with answering(tmp_path / "s", HEAD + STARTED + FIRST + END):
        answer = look(tmp_path / "s")
    assert (answer.peers, answer.first_peer_s, answer.done_s) == (["127.0.0.1:7"], 1.5, None)
    assert answer.error == "lost the fleet: it closed the stream before the lookup was done"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (REFUSED, "the fleet answered 404: "),
        (b"", "lost the fleet: "),
        (b"EHLO\r\n\r\n", "lost the fleet: "),
        (HEAD + b"3\r\n?!\n\r\n" + END, "lost the fleet: "),
        (HEAD + event("started", 1.0, lookup=7) + END, "lost the fleet: "),
        (HEAD + STARTED + b"ffff\r\n{", "lost the fleet: "),
    ],
)
def test_nonsense_is_one_line(tmp_path, said, reason):
    """Whatever a fleet says, the lookup has an end."""
    with answering(tmp_path / "s", said):
        answer = look(tmp_path / "s")
    assert answer.error.startswith(reason) and "\n" not in answer.error
    assert answer.done_s is None


def test_nobody_to_ask(tmp_path):
    """The socket is not there."""
    answer = look(tmp_path / "nowhere")
    assert answer.error == "the fleet's control socket does not answer (No such file or directory)"
    assert answer.started_s is None


def test_patience_ends_at_the_deadline_after_the_intended_start(tmp_path):
    """Silently, as gevent's timeout does; what was found is kept."""
    given = []

    class Over(Exception):
        pass

    @contextmanager
    def impatient(seconds: float, _raises: bool) -> Iterator[None]:
        given.append(seconds + time.monotonic())
        try:
            yield
        except Over:
            return

    class Slow(Seek):
        def _take(self, event) -> None:
            super()._take(event)
            if event.event == "found":
                raise Over

    question = Question(7, 1.0, str(tmp_path / "s"), "peer", "ab" * 20)
    seek = Slow(question, T0, 10.0)
    with answering(tmp_path / "s", HEAD + STARTED + FIRST + DONE + END), seek.connected():
        seek.run(impatient)
    answer = seek.report(Assignment("swarm-dht", 16, 0, T0, 10.0, [question]))
    assert given == [pytest.approx(T0 + 1.0 + 10.0, abs=0.1)]
    assert answer.error == "given up: not done 10 s after its intended start"
    assert (answer.peers, answer.done_s) == (["127.0.0.1:7"], None)
