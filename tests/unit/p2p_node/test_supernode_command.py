"""`p2p-node supernode` with bad input: one line that says what and where, the exit code, and nothing left running."""

from __future__ import annotations

import re
import socket

import pytest

from p2p_node.__main__ import main

FAILED, USAGE = 1, 2


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of the command."""
    monkeypatch.setattr("sys.argv", ["p2p-node", "supernode", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


def line(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said, which is one line on stderr."""
    told = capsys.readouterr()
    assert told.out == "" and len(told.err.splitlines()) == 1
    return told.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Missing option '--address'"),
        ("--address nonsense", "--address nonsense: give an IP address"),
        ("--address 0.0.0.0", "--address 0.0.0.0: give the one at which the other supernodes reach this one"),
        ("--address 127.0.0.1 --port 0", "'--port': 0 is not in the range"),
        ("--address 127.0.0.1 --interval 0", "'--interval': 0.0 is not in the range"),
        ("--address 127.0.0.1 --peer nonsense", "--peer nonsense: give an IP address and a port, as 192.0.2.1:6881"),
        ("--address 127.0.0.1 --peer 127.0.0.1:0", "--peer 127.0.0.1:0: give an IP address and a port"),
        ("--address 127.0.0.1 --peer 0.0.0.0:6969", "--peer 0.0.0.0: give an address that is reached from 127.0.0.1"),
        ("--address 127.0.0.1 --peer [::1]:6969", "--peer ::1: give an address that is reached from 127.0.0.1"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(
    arguments: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever was mistaken, before anything is started."""
    assert run(monkeypatch, *arguments.split()) == USAGE
    assert re.match(f"p2p-node: .*{re.escape(message)}", line(capsys))


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_is_taken_is_one_line_and_exit_code_1(
    kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By a server over TCP, or by anybody over UDP; the other of the two is free again afterwards."""
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        assert run(monkeypatch, "--address", "127.0.0.1", "--port", str(port)) == FAILED
        assert line(capsys) == f"p2p-node: cannot listen on 127.0.0.1:{port}: Address already in use\n"
        other = socket.SOCK_DGRAM if kind == socket.SOCK_STREAM else socket.SOCK_STREAM
        with socket.socket(type=other) as free:
            free.bind(("127.0.0.1", port))
