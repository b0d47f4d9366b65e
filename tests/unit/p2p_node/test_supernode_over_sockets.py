"""Supernodes on real sockets: what clients of either protocol are told, whoever else talks to their ports."""

from __future__ import annotations

import asyncio
import re
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, cast

from p2p_node.discovery.registry import MAX_PEERS_PER_HOST
from p2p_node.discovery.supernode.mesh import PINGS
from p2p_node.discovery.supernode.queries import MAX_WAVES, PATIENCE_S
from p2p_node.discovery.supernode.summary import MIN_BYTES, Summary
from p2p_node.shell.announcing import TrackerHttp
from p2p_node.shell.supernode_server import SupernodeServer
from p2p_node.wire.address import Address
from p2p_node.wire.announce import Announce, AnnounceReply, Event, announce_url, decode_reply, inquiry
from p2p_node.wire.supernode import (
    Enquiry,
    Frame,
    Hit,
    News,
    Nodes,
    Ping,
    Pong,
    Query,
    SummaryPart,
    SummaryWanted,
    decode,
    encode,
)
from p2p_node.wire.udp_tracker import MAGIC, Answer, Connect, Connected, Request, decode_answer, encode_request

HOST = "127.0.0.1"
ANOTHER_HOST = "127.0.0.2"
KEY = b"k" * 20
INTERVAL_S = 60.0
PATIENT_S = 10.0
POLLS, POLL_S = 500, 0.02
EXCESS = 200
NOBODY = ("192.0.2.9", 9)
SLACK_S = 0.1
"""What a busy machine may add to the best of a few tries."""


class Socket(asyncio.DatagramProtocol):
    """A UDP socket; `react` is told what comes to it, and may send answers from it."""

    def __init__(self, react: Callable[[Socket, bytes, Address], None]) -> None:
        self._react = react
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self._react(self, data, addr[:2])

    def send(self, data: bytes, to: Address) -> None:
        assert self._transport is not None
        self._transport.sendto(data, to)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


async def open_socket(react: Callable[[Socket, bytes, Address], None], host: str = HOST) -> Socket:
    _, opened = await asyncio.get_running_loop().create_datagram_endpoint(lambda: Socket(react), local_addr=(host, 0))
    return opened


class Client:
    """A client of trackers over UDP."""

    def __init__(self, host: str = HOST) -> None:
        self._host = host
        self._answers: asyncio.Queue[Answer] = asyncio.Queue()
        self._connections: dict[Address, int] = {}

    async def __aenter__(self) -> Client:
        self._socket = await open_socket(
            lambda _, data, _source: self._answers.put_nowait(decode_answer(data)), self._host
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def announce(self, server: Address, announce: Announce) -> AnnounceReply:
        if server not in self._connections:
            connected = await self._ask(server, Request(MAGIC, 1, Connect()))
            assert isinstance(connected, Connected)
            self._connections[server] = connected.connection
        reply = await self._ask(server, Request(self._connections[server], 2, announce))
        assert isinstance(reply, AnnounceReply)
        return reply

    async def _ask(self, server: Address, request: Request) -> Answer:
        self._socket.send(encode_request(request), server)
        return await asyncio.wait_for(self._answers.get(), PATIENT_S)


class Impostor:
    """Claims to be a supernode with this summary; `react` answers whatever else it is sent."""

    def __init__(self, claims: bytes, react: Callable[[Frame], Iterable[Frame]] = lambda _: ()) -> None:
        self.heard: Counter[type] = Counter()
        self._claims = claims
        self._known = asyncio.Event()
        self._react_to = react

    async def enter(self, server: Address) -> Impostor:
        """Become a mate, whose summary is known."""
        self.socket = await open_socket(self._react)
        self.socket.send(encode(Ping(1, 1)), server)
        await asyncio.wait_for(self._known.wait(), PATIENT_S)
        return self

    def _react(self, own: Socket, data: bytes, source: Address) -> None:
        frame = decode(data)
        self.heard[type(frame)] += 1
        answers: Iterable[Frame]
        match frame:
            case Ping(nonce):
                answers = (Pong(nonce, 1),)
            case SummaryWanted():
                answers = (SummaryPart(1, 0, 1, self._claims),)
                self._known.set()
            case _:
                answers = self._react_to(frame)
        for answer in answers:
            own.send(encode(answer), source)


def claiming(*keys: bytes) -> bytes:
    """The summary of who has these, in one part."""
    return Summary.of(keys).parts()[0]


def providing(key: bytes, port: int, peer_id: bytes = b"p" * 20) -> Announce:
    return Announce(key, peer_id, port, 0, 0, 0, Event.STARTED, 0)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(POLLS):
        if await condition():
            return
        await asyncio.sleep(POLL_S)
    raise AssertionError("it did not come true in time")


async def over_http(server: Address, announce: Announce) -> AnnounceReply:
    url = f"http://{server[0]}:{server[1]}/announce"
    return decode_reply(await TrackerHttp(HOST).get(announce_url(url, announce)))


async def figures(server: Address) -> dict[str, float]:
    """What its metrics say."""
    shown = (await TrackerHttp(HOST).get(f"http://{server[0]}:{server[1]}/metrics")).decode()
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", shown, re.MULTILINE)}


async def until_figure(server: Address, name: str, least: float) -> None:
    async def reached() -> bool:
        return (await figures(server))[name] >= least

    await until(reached)


def free_ports(count: int) -> list[int]:
    with_ports = [socket.create_server((HOST, 0)) for _ in range(count)]
    ports = [int(taken.getsockname()[1]) for taken in with_ports]
    for taken in with_ports:
        taken.close()
    return ports


@asynccontextmanager
async def mesh(count: int) -> AsyncIterator[list[Address]]:
    """Supernodes that know of each other."""
    addresses = [(HOST, port) for port in free_ports(count)]
    async with AsyncExitStack() as stack:
        for own in addresses:
            server = SupernodeServer(INTERVAL_S, own, addresses[:1])
            await server.listen(*own)
            stack.push_async_callback(server.close)
        for own in addresses:
            await until_figure(own, "supernode_neighbours", count - 1)
        yield addresses


async def until_found(server: Address, client: Client, *expected: Address) -> None:
    """Asks until the answer names these, as it does once news have spread."""

    async def named() -> bool:
        return set(expected) <= set((await client.announce(server, inquiry(KEY))).peers)

    await until(named)


async def best_time(ask: Callable[[], Any], tries: int = 3) -> float:
    """Seconds that the quickest of a few takes."""
    times = []
    for _ in range(tries):
        begun = time.monotonic()
        await ask()
        times.append(time.monotonic() - begun)
    return min(times)


def test_clients_of_either_protocol_hear_of_who_registered_elsewhere() -> None:
    """One registers over HTTP, one over UDP, each with another supernode; over both, all tell of both."""

    async def play() -> None:
        async with mesh(3) as servers, Client() as client:
            await over_http(servers[0], providing(KEY, 1001, b"a" * 20))
            await client.announce(servers[1], providing(KEY, 1002, b"b" * 20))
            both = {(HOST, 1001), (HOST, 1002)}
            for server in servers:
                await until_found(server, client, *both)
                assert set((await over_http(server, inquiry(KEY))).peers) == both

    asyncio.run(play())


def test_a_mate_that_never_answers_costs_one_patience() -> None:
    """It claims to know who has the item, as another one does: the answer has waited for it, and no longer."""

    async def play() -> None:
        async with mesh(2) as (asked, other), Client() as client:
            await client.announce(other, providing(KEY, 1001))
            await until_found(asked, client, (HOST, 1001))
            mute = await Impostor(claiming(KEY)).enter(asked)
            took = await best_time(lambda: client.announce(asked, inquiry(KEY)))
            assert mute.heard[Query] and took < PATIENCE_S + SLACK_S
            mute.socket.close()

    asyncio.run(play())


def test_nobody_waits_longer_for_silence_than_all_waves_take() -> None:
    """Nobody but a mate that never answers claims to know: over UDP and HTTP alike the answer comes, with no peers."""

    async def play() -> None:
        async with mesh(1) as (asked,), Client() as client:
            mute = await Impostor(claiming(KEY)).enter(asked)
            for ask in (client.announce, over_http):
                took = await best_time(lambda ask=ask: ask(asked, inquiry(KEY)), tries=2)
                assert took < MAX_WAVES * PATIENCE_S + SLACK_S
            assert mute.heard[Query] == 4 * MAX_WAVES
            mute.socket.close()

    asyncio.run(play())


def test_what_strangers_send_is_refused_counted_and_pays_them_nothing() -> None:
    """Malformed frames, replies that nobody asked for, and what mates alone may say or ask: each is counted, none gets
    an answer but the pings that find out who it is; and lookups go on."""
    rng = Random(1)
    frames = (
        Pong(1, 1),
        Nodes((NOBODY,)),
        Enquiry(7),
        SummaryPart(1, 0, 1, claiming(KEY)),
        News(1, 2, (KEY,)),
        Query(1, bytes(8), KEY, 60),
        Hit(1, bytes(8), (NOBODY,)),
    )
    spoiled = [encode(frame)[: 5 + rng.randrange(4)] + rng.randbytes(3) for frame in frames for _ in range(5)]
    nonsense = [*(encode(frame) for frame in frames), *spoiled, encode(SummaryWanted()) + b"x", b"\xf6SB\x01\xff"]

    async def play() -> None:
        async with mesh(2) as (asked, other), Client() as client:
            await client.announce(other, providing(KEY, 1001))
            heard: list[bytes] = []
            stranger = await open_socket(lambda _, data, _source: heard.append(data))
            for data in nonsense:
                stranger.send(data, asked)
            await until_figure(asked, "supernode_refused", len(nonsense))
            await until_found(asked, client, (HOST, 1001))
            assert len(heard) <= PINGS and all(isinstance(decode(data), Ping) for data in heard)
            assert (await figures(asked))["supernode_refused"] == len(nonsense)
            stranger.close()

    asyncio.run(play())


def test_a_hit_counts_only_from_the_mate_that_was_asked() -> None:
    """Who asks nobody hears of the number of a query from the one that was asked, and answers instead of it."""

    async def play() -> None:
        async with mesh(1) as (asked,), Client() as client:
            accomplice = await Impostor(claiming()).enter(asked)
            stranger = await open_socket(lambda *_: None)

            def betray(frame: Frame) -> Iterable[Frame]:
                if isinstance(frame, Query):
                    for sender in (accomplice.socket, stranger):
                        sender.send(encode(Hit(frame.number, frame.lookup, (NOBODY,))), asked)
                return ()

            traitor = await Impostor(claiming(KEY), betray).enter(asked)
            assert (await client.announce(asked, inquiry(KEY))).peers == ()
            assert traitor.heard[Query] == MAX_WAVES
            assert (await figures(asked))["supernode_refused"] == 2 * MAX_WAVES
            for opened in (accomplice.socket, stranger, traitor.socket):
                opened.close()

    asyncio.run(play())


def test_a_flood_of_announces_fills_one_hosts_share() -> None:
    """Of more registrations than one address may have the rest is not remembered, and another address' is found."""

    async def play() -> None:
        rng = Random(2)
        async with mesh(2) as (asked, other), Client() as flooder, Client(ANOTHER_HOST) as client:
            for number in range(MAX_PEERS_PER_HOST + EXCESS):
                await flooder.announce(asked, providing(rng.randbytes(20), 1 + number, rng.randbytes(20)))
            assert (await figures(asked))["tracker_peers"] == MAX_PEERS_PER_HOST
            await client.announce(asked, providing(KEY, 1001))
            await until_found(other, client, (ANOTHER_HOST, 1001))
            assert (await figures(asked))["tracker_peers"] == MAX_PEERS_PER_HOST + 1

    asyncio.run(play())


def test_queries_do_not_loop() -> None:
    """A mate that sends back whatever it is sent is told of it no more often than an honest one would be."""

    async def play() -> None:
        async with mesh(1) as (asked,), Client() as client:
            echo = await Impostor(claiming(KEY), lambda frame: [frame]).enter(asked)
            await client.announce(asked, inquiry(KEY))
            await asyncio.sleep(2 * PATIENCE_S)
            assert echo.heard[Query] <= MAX_WAVES and echo.heard[Hit] == echo.heard[Query]
            echo.socket.close()

    asyncio.run(play())


def test_liars_are_found_out_or_stand_beside_the_truth() -> None:
    """Who claims to have everything is not believed and not asked; who claims this one item and makes peers up hides
    nobody."""

    def make_up(frame: Frame) -> Iterable[Frame]:
        made_up = tuple((f"192.0.2.{number}", 9) for number in range(1, 61))
        return [Hit(frame.number, frame.lookup, made_up)] if isinstance(frame, Query) else []

    async def play() -> None:
        async with mesh(2) as (asked, other), Client() as client:
            braggart = await Impostor(b"\xff" * MIN_BYTES, make_up).enter(asked)
            await until_figure(asked, "supernode_refused", 1)
            liar = await Impostor(claiming(KEY), make_up).enter(asked)
            await client.announce(other, providing(KEY, 1001))
            await until_found(asked, client, (HOST, 1001))
            assert liar.heard[Query] and not braggart.heard[Query]
            for impostor in (braggart, liar):
                impostor.socket.close()

    asyncio.run(play())
