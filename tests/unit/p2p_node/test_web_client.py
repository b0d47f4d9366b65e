"""Web seeds over real sockets: whole downloads from baseline-server, and servers that say or send what they should
not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from serving import baseline_server, free_port

from p2p_node.boundary import FetchRange
from p2p_node.shell.torrent import Version, create_torrent
from p2p_node.shell.web_client import WebClient
from tests.web_seeding import CONTENT, HOST, download, torrent_at

BODY = b"0123456789" * 1000


def test_a_baseline_server_seeds_the_swarm(tmp_path: Path) -> None:
    """The client-server side's server delivers the whole file, and every byte counts as the web seed's."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "item").write_bytes(CONTENT)
    with baseline_server(tmp_path / "root") as server:
        host, port = server.address
        done = download(torrent_at(tmp_path / "t", f"http://{host}:{port}/"), tmp_path)
    assert done["ok"]
    assert (tmp_path / "item").read_bytes() == CONTENT
    assert done["sources"] == {"origin": 0, "peers": 0, "webseed": len(CONTENT)}
    assert done["wasted_bytes"] == 0


@pytest.mark.parametrize("version", list(Version))
def test_a_directory_is_fetched_file_by_file(tmp_path: Path, version: Version) -> None:
    """Ranges cross the ends of files, also empty and tiny ones, with what lies between them (BEP 47, BEP 52)."""
    (tmp_path / "got").mkdir()
    root = tmp_path / "root" / "several files"
    contents = {
        "a": CONTENT[:70_000],
        "b c/d%": CONTENT[:3],
        "b c/e": b"",
        "f": CONTENT[5:200_000],
        "g": CONTENT[:16384],
    }
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    with baseline_server(tmp_path / "root") as server:
        host, port = server.address
        (tmp_path / "t").write_bytes(create_torrent(root, 32768, (), [f"http://{host}:{port}"], version=version))
        done = download(tmp_path / "t", tmp_path / "got")
    assert done["ok"], done
    for name, content in contents.items():
        assert (tmp_path / "got" / "several files" / name).read_bytes() == content
    assert done["sources"]["peers"] == 0


def test_a_download_rate_holds_for_web_seeds_too(tmp_path: Path) -> None:
    """In a lab whose links nobody else shapes, a peer's own cap covers all its sources."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "item").write_bytes(CONTENT)
    loop_time = asyncio.new_event_loop().time
    began = loop_time()
    with baseline_server(tmp_path / "root") as server:
        host, port = server.address
        download(torrent_at(tmp_path / "t", f"http://{host}:{port}/"), tmp_path, rate=3_000_000)
    assert loop_time() - began > 0.9


def test_a_server_with_other_content_is_discarded_for_one_with_the_right(tmp_path: Path) -> None:
    """Same size, wrong bytes: the download ends well from the other server."""
    for name, content in (("right", CONTENT), ("wrong", bytes(len(CONTENT)))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "item").write_bytes(content)
    with baseline_server(tmp_path / "right") as right, baseline_server(tmp_path / "wrong") as wrong:
        urls = [f"http://{host}:{port}/" for host, port in (wrong.address, right.address)]
        done = download(torrent_at(tmp_path / "t", *urls), tmp_path)
    assert done["ok"]
    assert (tmp_path / "item").read_bytes() == CONTENT
    assert done["sources"]["webseed"] == len(CONTENT)


class Outcome:
    """What a client told of one range."""

    def __init__(self) -> None:
        self.data = b""
        self.failure: tuple[str, float | None, bool] | None = None
        self.ended = asyncio.Event()

    async def received(self, _number: int, data: bytes) -> None:
        self.data += data
        if len(self.data) >= 1000:
            self.ended.set()

    def failed(self, _number: int, reason: str, wish: float | None, for_good: bool) -> None:
        self.failure = (reason, wish, for_good)
        self.ended.set()


def ask(answer: Callable[[str], bytes], start: int = 1000, end: int = 2000, size: int = len(BODY)) -> Outcome:
    """The outcome of a range asked of a server that answers each request head with these bytes."""

    async def run() -> Outcome:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(answer(head.decode()))
            writer.close()

        server = await asyncio.start_server(serve, HOST, 0)
        port = server.sockets[0].getsockname()[1]
        outcome = Outcome()
        client = WebClient(HOST, outcome.received, outcome.failed)
        client.fetch(FetchRange(1, f"http://{HOST}:{port}/item", start, end, size))
        async with asyncio.timeout(10):
            await outcome.ended.wait()
        await client.close()
        server.close()
        return outcome

    return asyncio.run(run())


def answer(status: str, *headers: str, body: bytes = b"") -> Callable[[str], bytes]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return lambda _head: "\r\n".join(lines).encode() + body


RANGE = BODY[1000:2000]


def test_the_range_asked_for_is_what_the_server_reads() -> None:
    """`Range` names the first and the last byte, and no encoding is wanted."""
    heads = []

    def record(head: str) -> bytes:
        heads.append(head)
        return answer("206 Partial Content", "Content-Range: bytes 1000-1999/10000", body=RANGE)(head)

    outcome = ask(record)
    assert outcome.data == RANGE and outcome.failure is None
    assert "Range: bytes=1000-1999\r\n" in heads[0]
    assert "Accept-Encoding: identity\r\n" in heads[0]


def test_a_whole_file_may_come_as_200() -> None:
    """A server without ranges can still send a file that was asked for whole."""
    outcome = ask(answer("200 OK", body=RANGE), 0, 1000, 1000)
    assert outcome.data == RANGE and outcome.failure is None


@pytest.mark.parametrize(
    "reply",
    [
        answer("200 OK", body=BODY),
        answer("206 Partial Content", body=RANGE),
        answer("206 Partial Content", "Content-Range: bytes 0-999/10000", body=RANGE),
        answer("206 Partial Content", "Content-Range: bytes 1000-1999/9999", body=RANGE),
        answer("206 Partial Content", "Content-Range: bytes 1000-2999/10000", body=RANGE),
        answer("206 Partial Content", "Content-Range: bytes 1000-1999/10000", "Content-Encoding: gzip", body=RANGE),
        answer("404 Not Found"),
        answer("403 Forbidden"),
        answer("416 Range Not Satisfiable", "Content-Range: bytes */10"),
        answer("302 Found", "Location: /item"),
        answer("302 Found", "Location: file:///etc/passwd"),
    ],
)
def test_a_server_that_sends_something_else_is_useless(reply: Callable[[str], bytes]) -> None:
    """Other ranges, other files, none at all, and redirects without end: not one byte is taken."""
    outcome = ask(reply)
    assert outcome.data == b""
    assert outcome.failure is not None and outcome.failure[2]


def test_more_bytes_than_promised_are_not_taken() -> None:
    """A body longer than its Content-Range is a server not to be trusted."""
    outcome = ask(answer("206 Partial Content", "Content-Range: bytes 1000-1999/10000", body=BODY))
    assert len(outcome.data) <= 1000
    assert outcome.failure is not None and outcome.failure[2]


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ([], None, None),
        (["Retry-After: 120"], 120, 120),
        (["Retry-After: IN-AN-HOUR"], 3500, 3600),
        (["Retry-After: soon"], None, None),
    ],
)
@pytest.mark.parametrize("status", ["503 Busy", "429 Too Many Requests"])
def test_a_busy_server_may_say_when_to_come_back(
    status: str, headers: list[str], low: float | None, high: float | None
) -> None:
    """503 is no reason to give a server up (BEP 19); Retry-After is seconds or a date."""
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    outcome = ask(answer(status, *(header.replace("IN-AN-HOUR", in_an_hour) for header in headers)))
    assert outcome.failure is not None
    _, wish, for_good = outcome.failure
    assert not for_good
    assert wish == low if low is None or high is None else wish is not None and low <= wish <= high


@pytest.mark.parametrize("cut", [0, 500])
def test_a_body_that_ends_early_may_be_asked_for_again(cut: int) -> None:
    """A connection that breaks is no lie."""
    whole = answer("206 Partial Content", "Content-Range: bytes 1000-1999/10000", body=RANGE)
    outcome = ask(lambda head: whole(head)[: -1000 + cut])
    assert outcome.failure is not None and not outcome.failure[2]


def test_a_server_that_cannot_be_reached_may_be_asked_again() -> None:
    """Nobody listens there now."""

    async def run() -> Outcome:
        outcome = Outcome()
        client = WebClient(HOST, outcome.received, outcome.failed)
        client.fetch(FetchRange(1, f"http://{HOST}:{free_port(HOST)}/item", 0, 1000, 1000))
        async with asyncio.timeout(10):
            await outcome.ended.wait()
        await client.close()
        return outcome

    failure = asyncio.run(run()).failure
    assert failure is not None and not failure[2]
