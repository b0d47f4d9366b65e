"""HTTP as RFC 9110 and 9112 have it, case by case, over real sockets: baseline-server beside nginx.

A case is bytes that are sent and what must come back. Where nginx answers otherwise, the case says what it answers and
why ours does not: each difference is a decision, and one that nobody took fails here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import require_tool
from serving import Served, answers, baseline_server, free_port, nginx

CONTENT = bytes(range(100))


@dataclass(frozen=True)
class Case:
    """Bytes to send, the statuses that come back, the last one's body if it matters; and nginx's statuses if others."""

    name: str
    request: bytes
    statuses: tuple[int, ...]
    body: bytes | None = None
    nginx: tuple[int, ...] | None = None
    nginx_body: bytes | None = None
    why: str = ""


def message(line: str, *headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join([line, "Host: test", *headers, "", ""]).encode("latin-1") + body


def get(target: str, *headers: str) -> bytes:
    return message(f"GET {target} HTTP/1.1", *headers)


def file(*headers: str) -> bytes:
    return get("/file.bin", *headers)


SMALL_NO_TRICKS = "one file has one spelling; who sends another is refused rather than guessed at"
NO_BODIES = "a GET has no use for a body, and a body that is not read is where smuggling starts"
IGNORED_RANGE = "RFC 9110 14.2: a Range that is not valid is ignored"
BELOW_ROOT = "what lies outside the root is not served, whatever links to it"

MESSAGES = (
    Case("get", file(), (200,), CONTENT),
    Case("head has no body", message("HEAD /file.bin HTTP/1.1"), (200,), b""),
    Case("empty file", get("/empty"), (200,), b""),
    Case("http 1.0", b"GET /file.bin HTTP/1.0\r\n\r\n", (200,), CONTENT),
    Case("http 1.0 without host, kept alive", b"GET /file.bin HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", (200,)),
    Case("no host", b"GET /file.bin HTTP/1.1\r\n\r\n", (400,)),
    Case("two hosts", file("Host: other"), (400,)),
    Case("http 2", message("GET /file.bin HTTP/2.0"), (505,)),
    Case("http 1.2", message("GET /file.bin HTTP/1.2"), (505,), nginx=(200,), why="no such version; llhttp knows none"),
    Case("no version number", message("GET /file.bin HTTP/x"), (400,)),
    Case("no target", b"GET\r\n\r\n", (400,)),
    Case("tls by mistake", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", (400,)),
    Case("empty lines before", b"\r\n\r\n" + file(), (200,), CONTENT),
    Case("post", message("POST /file.bin HTTP/1.1", "Content-Length: 0"), (405,)),
    Case("post with a body", message("POST /file.bin HTTP/1.1", "Content-Length: 5", body=b"hello"), (405,)),
    Case("put", message("PUT /file.bin HTTP/1.1", "Content-Length: 0"), (405,)),
    Case("delete", message("DELETE /file.bin HTTP/1.1"), (405,)),
    Case("trace", message("TRACE / HTTP/1.1"), (405,)),
    Case("options", message("OPTIONS * HTTP/1.1"), (405,), nginx=(400,), why="the request is well formed"),
    Case("connect", message("CONNECT test:80 HTTP/1.1"), (405,), nginx=(400,), why="the request is well formed"),
    Case("unknown method", message("FOO /file.bin HTTP/1.1"), (501,), nginx=(405,), why="RFC 9110 9.1: 501 if unknown"),
    Case("methods have a case", message("get /file.bin HTTP/1.1"), (501,), nginx=(400,), why="RFC 9110 9.1"),
    Case("pipelining", file() + message("HEAD /file.bin HTTP/1.1") + get("/no") + get("/empty"), (200, 200, 404, 200)),
    Case("nothing after close", file("Connection: close") + file(), (200,), CONTENT),
    Case("an error keeps the connection", get("/no") + file(), (404, 200), CONTENT),
    Case("a broken request does not", b"nonsense\r\n\r\n" + file(), (400,)),
    Case("upgrade is ignored", file("Connection: upgrade", "Upgrade: h2c"), (200,), CONTENT),
    Case("expect 100", file("Expect: 100-continue"), (200,), CONTENT, nginx=(100, 200), why="no body is waited for"),
    Case("expect what nobody knows", file("Expect: tea"), (417,), nginx=(200,), why="RFC 9110 10.1.1"),
)
BODIES = (
    Case("get with a body", file("Content-Length: 5") + b"hello", (413,), nginx=(200,), why=NO_BODIES),
    Case(
        "get with a chunked body",
        file("Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
        (413,),
        nginx=(200,),
        why=NO_BODIES,
    ),
    Case("a request in a body", file("Content-Length: 44") + get("/empty"), (413,), nginx=(200,), why=NO_BODIES),
    Case("chunked and length", file("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", (400,)),
    Case("two lengths", file("Content-Length: 5", "Content-Length: 6") + b"hello", (400,)),
    Case("a length twice", file("Content-Length: 0", "Content-Length: 0"), (400,)),
    Case("a list of lengths", file("Content-Length: 0, 0"), (400,)),
    Case("negative length", file("Content-Length: -1"), (400,)),
    Case("signed length", file("Content-Length: +1"), (400,)),
    Case("unknown coding", file("Transfer-Encoding: gzip, chunked"), (501,)),
    Case("chunked in http 1.0", message("GET /file.bin HTTP/1.0", "Transfer-Encoding: chunked"), (400,)),
)
HEADERS = (
    Case("folded header", b"GET /file.bin HTTP/1.1\r\nHost: test\r\nA: b\r\n c\r\n\r\n", (400,)),
    Case("space before colon", b"GET /file.bin HTTP/1.1\r\nHost : test\r\n\r\n", (400,)),
    Case("carriage return in a value", file("A: b\rc"), (400,)),
    Case("nul in a value", file("A: b\0c"), (400,)),
    Case("no name", file(": x"), (400,)),
    Case("no colon", file("A"), (400,), nginx=(200,), why="RFC 9112 5: not a field line"),
    Case(
        "bare line feeds",
        b"GET /file.bin HTTP/1.1\nHost: test\n\n",
        (400,),
        nginx=(200,),
        why="lines that end in two ways are how parsers are played off against each other",
    ),
    Case("request line too long", get("/" + "a" * 9000), (414,)),
    Case(
        "header section too long",
        file(*[f"H{number}: {'a' * 1000}" for number in range(20)]),
        (431,),
        nginx=(200,),
        why="nginx takes 32 KiB; a download's head is a few hundred bytes",
    ),
    Case(
        "one long header",
        file("A: " + "a" * 9000),
        (200,),
        nginx=(400,),
        why="nginx limits each line; the section's limit is enough",
    ),
    Case("many headers", file(*[f"H{number}: a" for number in range(500)]), (200,)),
)
TARGETS = (
    Case("absolute form", get("http://test/file.bin"), (200,), CONTENT),
    Case("absolute form of https", get("https://test/file.bin"), (200,), CONTENT),
    Case("absolute form of ftp", get("ftp://test/file.bin"), (400,), nginx=(200,), why="not a scheme of HTTP"),
    Case("absolute form, no path", get("http://test"), (404,), nginx=(403,), why="directories do not exist here"),
    Case("query", get("/file.bin?a=b"), (200,), CONTENT),
    Case("fragment", get("/file.bin#a"), (400,), nginx=(200,), why="RFC 9112 3.2: no fragment in a target"),
    Case("asterisk", get("*"), (400,)),
    Case("relative", get("file.bin"), (400,)),
    Case("escaped space", get("/a%20b"), (200,), b"space"),
    Case("plus is a plus", get("/a+b"), (404,)),
    Case("escaped letter", get("/%66ile.bin"), (200,), CONTENT),
    Case("utf-8", get("/%C3%BC"), (200,), b"umlaut"),
    Case("utf-8 unescaped", b"GET /\xc3\xbc HTTP/1.1\r\nHost: test\r\n\r\n", (400,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("half an escape", get("/file%2"), (400,)),
    Case("no escape", get("/%zz"), (400,)),
    Case("nul", get("/file.bin%00"), (400,)),
    Case("above the root", get("/../file.bin"), (400,)),
    Case("above the root, escaped", get("/%2e%2e/etc/passwd"), (400,)),
    Case("above the root, escaped twice", get("/%252e%252e/etc/passwd"), (404,)),
    Case("backslashes", get("/..\\file.bin"), (404,)),
    Case("up and down", get("/dir/../file.bin"), (400,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("up and down, escaped", get("/dir/%2e%2e/file.bin"), (400,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("dot", get("/./file.bin"), (400,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("escaped slash", get("/dir%2fin"), (404,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("double slash", get("//file.bin"), (404,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("double slash within", get("/dir//in"), (404,), nginx=(200,), why=SMALL_NO_TRICKS),
    Case("slash after a file", get("/file.bin/"), (404,)),
    Case("missing", get("/missing"), (404,)),
    Case("name too long", get("/" + "a" * 300), (404,)),
    Case("hidden file", get("/.hidden"), (200,), b"hidden"),
    Case("directory", get("/dir"), (404,), nginx=(301,), why="directories do not exist here"),
    Case("directory with slash", get("/dir/"), (404,), nginx=(403,), why="directories do not exist here"),
    Case("the root", get("/"), (404,), nginx=(403,), why="directories do not exist here"),
    Case("link inside", get("/inside"), (200,), CONTENT),
    Case("link to a file outside", get("/outside"), (404,), nginx=(200,), why=BELOW_ROOT),
    Case("link to a directory outside", get("/up/secret"), (404,), nginx=(200,), why=BELOW_ROOT),
)
RANGES = (
    Case("first bytes", file("Range: bytes=0-9"), (206,), CONTENT[:10]),
    Case("the whole", file("Range: bytes=0-99"), (206,), CONTENT),
    Case("open", file("Range: bytes=90-"), (206,), CONTENT[90:]),
    Case("suffix", file("Range: bytes=-10"), (206,), CONTENT[-10:]),
    Case("suffix longer than the file", file("Range: bytes=-1000"), (206,), CONTENT),
    Case("largest suffix", file("Range: bytes=-9223372036854775807"), (206,), CONTENT),
    Case("end beyond the file", file("Range: bytes=90-1000"), (206,), CONTENT[90:]),
    Case("unit in capitals", file("Range: BYTES=0-9"), (206,), CONTENT[:10]),
    Case("start beyond the file", file("Range: bytes=100-"), (416,)),
    Case("start beyond 64 bits", file("Range: bytes=99999999999999999999999-"), (416,)),
    Case("suffix of nothing", file("Range: bytes=-0"), (416,)),
    Case("unknown unit", file("Range: lines=0-1"), (200,), CONTENT),
    Case(
        "end beyond 64 bits",
        file("Range: bytes=0-99999999999999999999999"),
        (206,),
        CONTENT,
        nginx=(416,),
        why="RFC 9110 14.1.1: an end beyond the file is the file's end",
    ),
    Case("backwards", file("Range: bytes=9-1"), (200,), CONTENT, nginx=(416,), why=IGNORED_RANGE),
    Case("letters", file("Range: bytes=a-b"), (200,), CONTENT, nginx=(416,), why=IGNORED_RANGE),
    Case("two dashes", file("Range: bytes=--1"), (200,), CONTENT, nginx=(416,), why=IGNORED_RANGE),
    Case("only a dash", file("Range: bytes=-"), (200,), CONTENT, nginx=(416,), why=IGNORED_RANGE),
    Case(
        "several ranges", file("Range: bytes=0-1,5-6"), (200,), CONTENT, nginx=(206,), why="the whole instead: optional"
    ),
    Case("overlapping ranges", file("Range: bytes=0-,0-,0-"), (200,), CONTENT),
    Case(
        "two range headers",
        file("Range: bytes=0-1", "Range: bytes=3-4"),
        (200,),
        CONTENT,
        nginx=(206,),
        nginx_body=CONTENT[:2],
        why="several ranges, so the whole; nginx takes the first",
    ),
    Case(
        "range of an empty file",
        get("/empty", "Range: bytes=0-0"),
        (416,),
        nginx=(200,),
        why="RFC 9110 14.1.2: no byte of it can be had",
    ),
    Case(
        "range of a head",
        message("HEAD /file.bin HTTP/1.1", "Range: bytes=0-9"),
        (200,),
        b"",
        nginx=(206,),
        why="RFC 9110 14.2: Range is defined for GET",
    ),
    Case("if-range of another version", file("Range: bytes=0-9", 'If-Range: "other"'), (200,), CONTENT),
)
CONDITIONS = (
    Case("if-none-match any", file("If-None-Match: *"), (304,), b""),
    Case("if-none-match another", file('If-None-Match: "other"'), (200,), CONTENT),
    Case("if-match any", file("If-Match: *"), (200,), CONTENT),
    Case("if-match another", file('If-Match: "other"'), (412,)),
    Case("if-modified-since long ago", file("If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT"), (200,), CONTENT),
    Case("if-modified-since no date", file("If-Modified-Since: yesterday"), (200,), CONTENT),
    Case("if-unmodified-since long ago", file("If-Unmodified-Since: Sat, 01 Jan 2000 00:00:00 GMT"), (412,)),
    Case(
        "if-modified-since after the change",
        file("If-Modified-Since: Fri, 31 Dec 2049 23:59:59 GMT"),
        (304,),
        b"",
        nginx=(200,),
        why="nginx wants exactly the file's date; the header asks for later changes",
    ),
)
CASES = (*MESSAGES, *BODIES, *HEADERS, *TARGETS, *RANGES, *CONDITIONS)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outside = tmp_path_factory.mktemp("site")
    (outside / "secret").write_bytes(b"secret")
    root = outside / "root"
    (root / "dir").mkdir(parents=True)
    for name, content in (
        ("file.bin", CONTENT),
        ("empty", b""),
        ("dir/in", b"in"),
        ("a b", b"space"),
        ("ü", b"umlaut"),
        (".hidden", b"hidden"),
    ):
        (root / name).write_bytes(content)
    (root / "inside").symlink_to("file.bin")
    (root / "outside").symlink_to("../secret")
    (root / "up").symlink_to("..")
    root.chmod(0o755)
    return root


@pytest.fixture(scope="module")
def ours(root: Path) -> Iterator[Served]:
    with baseline_server(root) as served:
        yield served


@pytest.fixture(scope="module")
def theirs(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    binary = require_tool("nginx", "nginx")
    with nginx(binary, root, tmp_path_factory.mktemp("nginx"), port=free_port("127.0.3.2")) as served:
        yield served


def methods(case: Case) -> list[str]:
    """The methods asked for, of which HEAD matters to whoever reads the answers."""
    return [line.split(b" ")[0].decode("latin-1") for line in case.request.splitlines() if b" HTTP/" in line] or ["GET"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_baseline_server(case: Case, ours: Served) -> None:
    """The server answers as the table says, and closes when the client has no more to ask."""
    found = answers(ours.exchange(case.request), *methods(case))
    assert tuple(answer.status for answer in found) == case.statuses
    if case.body is not None:
        assert found[-1].body == case.body


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_nginx(case: Case, theirs: Served) -> None:
    """nginx answers alike, or as the table records with a reason."""
    assert (case.nginx is None) == (not case.why)
    asked = methods(case) if case.nginx is None else methods(case)[:1]
    found = answers(theirs.exchange(case.request), *asked)
    assert tuple(answer.status for answer in found) == (case.nginx or case.statuses)
    body = case.nginx_body if case.nginx is not None else case.body
    if body is not None:
        assert found[-1].body == body


def test_names_are_unique() -> None:
    """Each row of the table can be named in a failure."""
    assert len({case.name for case in CASES}) == len(CASES)


def test_every_answer_is_dated_and_delimited(ours: Served) -> None:
    """A client can always tell where an answer ends, and when it was made."""
    for target in ("/file.bin", "/missing", "/metrics", "/healthz", "/../x"):
        answer = ours.get(target)
        assert {"date", "content-length", "connection"} <= answer.headers.keys()


def test_405_says_what_is_allowed(ours: Served) -> None:
    """RFC 9110 section 15.5.6 wants an Allow header."""
    assert ours.get("/file.bin", method="DELETE").headers["allow"] == "GET, HEAD"


def test_206_and_416_say_where(ours: Served) -> None:
    """Content-Range names the bytes that come, or the size when none can."""
    assert ours.get("/file.bin", "Range: bytes=10-19").headers["content-range"] == "bytes 10-19/100"
    assert ours.get("/file.bin", "Range: bytes=100-").headers["content-range"] == "bytes */100"


def test_head_says_what_get_would(ours: Served) -> None:
    """HEAD has the headers of GET, the length included."""
    got, headed = ours.get("/file.bin"), ours.get("/file.bin", method="HEAD")
    assert {**headed.headers, "date": ""} == {**got.headers, "date": ""}


def test_validators_round_trip(ours: Served) -> None:
    """The ETag and the date that a file is served with are recognised when they come back."""
    headers = ours.get("/file.bin").headers
    etag, modified = headers["etag"], headers["last-modified"]
    assert ours.get("/file.bin", f"If-None-Match: {etag}").status == 304
    assert ours.get("/file.bin", f'If-None-Match: "x", W/{etag}').status == 304
    assert ours.get("/file.bin", f"If-Match: W/{etag}").status == 412
    assert ours.get("/file.bin", f"If-Modified-Since: {modified}").status == 304
    assert ours.get("/file.bin", f"If-Unmodified-Since: {modified}").status == 200
    for validator in (etag, modified):
        assert ours.get("/file.bin", "Range: bytes=0-0", f"If-Range: {validator}").status == 206
    assert ours.get("/file.bin", "Range: bytes=0-0", f"If-Range: W/{etag}").status == 200


def test_if_none_match_overrides_the_date(ours: Served) -> None:
    """RFC 9110 section 13.2.2: with If-None-Match, If-Modified-Since is not looked at."""
    answer = ours.get("/file.bin", 'If-None-Match: "x"', "If-Modified-Since: Fri, 31 Dec 2049 23:59:59 GMT")
    assert answer.status == 200


def test_fifo_is_no_file(ours: Served, root: Path) -> None:
    """Opening a FIFO would wait for a writer; it is not found instead, and the server goes on. (nginx would wait.)"""
    os.mkfifo(root / "fifo")
    assert ours.get("/fifo").status == 404
    assert ours.get("/file.bin").status == 200


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable_file(ours: Served, root: Path) -> None:
    """A file that exists and may not be read is 403."""
    (root / "locked").write_bytes(b"x")
    (root / "locked").chmod(0)
    assert ours.get("/locked").status == 403
