"""What trackers and their clients send each other besides HTTP announces, to be fuzzed."""

from __future__ import annotations

from random import Random
from urllib.parse import urlsplit

from p2p_node.wire.announce import Announce, AnnounceReply, Event
from p2p_node.wire.scrape import SwarmCounts, decode_scrape, decode_scrape_reply, encode_scrape_reply, scrape_url
from p2p_node.wire.udp_tracker import (
    MAGIC,
    Connect,
    Connected,
    Refused,
    Request,
    Scrape,
    Scraped,
    decode_answer,
    decode_request,
    encode_answer,
    encode_request,
)
from tests.fuzz.codec import Codec


def _number(rng: Random, width: int) -> int:
    return rng.choice([0, 1, rng.getrandbits(width), (1 << width) - 1])


def _request(rng: Random) -> bytes:
    transaction = _number(rng, 32)
    hashes = tuple(rng.randbytes(20) for _ in range(rng.randrange(1, 4)))
    announce = Announce(
        rng.randbytes(20),
        rng.randbytes(20),
        rng.randrange(1, 1 << 16),
        _number(rng, 64),
        _number(rng, 64),
        _number(rng, 64),
        rng.choice([Event.REGULAR, Event.COMPLETED, Event.STARTED, Event.STOPPED]),
        rng.randrange(-1, 300),
        _number(rng, 32),
    )
    return encode_request(
        rng.choice(
            [
                Request(MAGIC, transaction, Connect()),
                Request(_number(rng, 64), transaction, announce),
                Request(_number(rng, 64), transaction, Scrape(hashes)),
            ]
        )
    )


def _check_request(data: bytes) -> None:
    request = decode_request(data)
    assert decode_request(encode_request(request)) == request


def _counts(rng: Random) -> SwarmCounts:
    return SwarmCounts(_number(rng, 32), _number(rng, 32), _number(rng, 32))


def _answer(rng: Random) -> bytes:
    peers = tuple((f"10.0.0.{rng.randrange(256)}", rng.randrange(1, 1 << 16)) for _ in range(rng.randrange(4)))
    answer = rng.choice(
        [
            Connected(_number(rng, 64)),
            AnnounceReply(float(rng.randrange(1 << 20)), peers, rng.randrange(9), rng.randrange(9)),
            Scraped(tuple(_counts(rng) for _ in range(rng.randrange(4)))),
            Refused("no such torrent"),
        ]
    )
    return encode_answer(_number(rng, 32), answer)


def _check_answer(data: bytes) -> None:
    answer = decode_answer(data)
    assert isinstance(answer, Refused) or decode_answer(encode_answer(0, answer)) == answer


def _scrape(rng: Random) -> bytes:
    hashes = [rng.randbytes(20) for _ in range(rng.randrange(1, 4))]
    return urlsplit(scrape_url("http://t/announce", hashes)).query.encode()


def _check_scrape(data: bytes) -> None:
    hashes = decode_scrape(data.decode("latin-1"))
    assert decode_scrape(urlsplit(scrape_url("http://t/announce", hashes)).query) == hashes


def _scrape_reply(rng: Random) -> bytes:
    return encode_scrape_reply({rng.randbytes(20): _counts(rng) for _ in range(rng.randrange(4))})


def _check_scrape_reply(data: bytes) -> None:
    counts = decode_scrape_reply(data)
    assert decode_scrape_reply(encode_scrape_reply(counts)) == counts


TRACKER_CODECS = (
    Codec("udp-request", _request, _check_request),
    Codec("udp-answer", _answer, _check_answer),
    Codec("scrape", _scrape, _check_scrape),
    Codec("scrape-reply", _scrape_reply, _check_scrape_reply),
)
