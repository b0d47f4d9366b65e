"""The DHT's parts one by one: ids, tokens, limits, what is stored, the routing table, what is provided."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2p_node.discovery import limits
from p2p_node.discovery.dht import peer_store
from p2p_node.discovery.dht.bucket import GOOD_S, MAX_PER_SUBNET, K
from p2p_node.discovery.dht.node_id import id_for, is_allowed, number_of, random_near, shared_bits
from p2p_node.discovery.dht.peer_store import PeerStore
from p2p_node.discovery.dht.provisions import REANNOUNCE_S, RETRY_S, Provisions
from p2p_node.discovery.dht.routing_table import REFRESH_S, RoutingTable
from p2p_node.discovery.dht.tokens import PERIOD_S, Tokens
from p2p_node.discovery.limits import QueryLimit
from p2p_node.wire.krpc import NodeInfo

OWN = bytes(20)
KEY = b"k" * 20


# Ids


@pytest.mark.parametrize(
    ("host", "node_id"),
    [
        ("124.31.75.21", "5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401"),
        ("21.75.31.124", "5a3ce9c14e7a08645677bbd1cfe7d8f956d53256"),
        ("65.23.51.170", "a5d43220bc8f112a3d426c84764f8c2a1150e616"),
        ("84.124.73.14", "1b0321dd1bb1fe518101ceef99462b947a01ff41"),
        ("43.213.53.83", "e56f6cbf5b7c4be0237986d5243b87aa6d51305a"),
    ],
)
def test_the_vectors_of_bep_42(host: str, node_id: str) -> None:
    """Each id fits its address, and no other address of the five."""
    allowed = bytes.fromhex(node_id)
    assert is_allowed(allowed, host)
    assert not is_allowed(allowed, "8.8.8.8")
    changed = bytes([allowed[0] ^ 0x80]) + allowed[1:]
    assert not is_allowed(changed, host)


@given(host=st.ip_addresses().map(str), seed=st.integers(0, 99))
def test_an_own_id_is_one_that_others_allow(host: str, seed: int) -> None:
    """For any address of either family."""
    assert is_allowed(id_for(host, Random(seed)), host)


@pytest.mark.parametrize("host", ["10.1.2.3", "127.0.0.1", "192.168.1.1", "169.254.0.1", "fe80::1"])
def test_local_addresses_may_have_any_id(host: str) -> None:
    """Nobody outside sees them (BEP 42)."""
    assert is_allowed(b"\xff" * 20, host) and is_allowed(bytes(20), host)


@given(own=st.binary(min_size=20, max_size=20), shared=st.integers(0, 159))
def test_a_random_id_lies_in_the_part_that_was_asked_for(own: bytes, shared: int) -> None:
    """It shares exactly so many leading bits with the own id."""
    near = random_near(number_of(own), shared, Random(1))
    assert shared_bits(number_of(own), number_of(near)) == shared


# Tokens


def test_a_token_is_good_for_five_to_ten_minutes_at_one_address() -> None:
    """Neither later, nor from elsewhere, nor by another node's secret."""
    tokens = Tokens(b"secret")
    given_at = 10 * PERIOD_S
    token = tokens.give("10.0.0.1", given_at)
    assert tokens.accepts(token, "10.0.0.1", given_at + PERIOD_S)
    assert tokens.accepts(tokens.give("10.0.0.1", given_at - 1), "10.0.0.1", given_at + PERIOD_S - 1)
    assert not tokens.accepts(token, "10.0.0.1", given_at + 2 * PERIOD_S)
    assert not tokens.accepts(token, "10.0.0.2", given_at)
    assert not Tokens(b"other").accepts(token, "10.0.0.1", given_at)


# Limits


def test_a_flood_is_cut_off_until_the_window_ends() -> None:
    """Others are heard meanwhile, and so is the flooder afterwards."""
    limit = QueryLimit(7, 0.0)
    allowed = [limit.allows("84.1.1.1", 1.0) for _ in range(2 * limits.MAX_QUERIES)]
    assert sum(allowed) == limits.MAX_QUERIES
    assert sum(limit.allows(f"84.1.2.{host}", 1.0) for host in range(250)) >= 249
    assert limit.allows("84.1.1.1", 1.0 + limits.WINDOW_S)


# What others announced


def test_announces_are_forgotten_after_half_an_hour_unless_renewed() -> None:
    """Each on its own."""
    store = PeerStore(Random(1))
    for port in (1, 2):
        assert store.announce(KEY, ("10.0.0.1", port), 0.0)
    assert store.announce(KEY, ("10.0.0.1", 2), 1000.0)
    assert len(store.sample(KEY, 9, peer_store.EXPIRES_S - 1)) == 2
    assert store.sample(KEY, 9, peer_store.EXPIRES_S) == [b"\x0a\x00\x00\x01\x00\x02"]
    assert store.sample(KEY, 9, 1000.0 + peer_store.EXPIRES_S) == [] and len(store) == 0


def test_no_host_and_no_key_takes_all_the_room() -> None:
    """What is here stays; what was refused is not half remembered."""
    store = PeerStore(Random(1))
    flood = [store.announce(Random(key).randbytes(20), ("10.0.0.1", 1), 0.0) for key in range(1000)]
    assert sum(flood) == peer_store.MAX_PER_HOST
    crowd = [store.announce(KEY, (f"10.1.{host >> 8}.{host & 255}", 1), 0.0) for host in range(1000)]
    assert sum(crowd) == peer_store.MAX_PER_KEY
    spread = [
        store.announce(Random(number).randbytes(20), (f"84.{number >> 8}.{number & 255}.1", 1), 0.0)
        for number in range(20_000)
    ]
    assert len(store) == peer_store.MAX_ENTRIES and not spread[-1]
    assert store.announce(KEY, ("10.1.0.0", 1), 0.0), "an entry that is there can be renewed"


def test_of_many_peers_a_random_few_are_told() -> None:
    """Not always the same."""
    store = PeerStore(Random(1))
    for port in range(1, 101):
        store.announce(KEY, ("10.0.0.1", port), 0.0)
    told = {peer for _ in range(20) for peer in store.sample(KEY, 10, 0.0)}
    assert len(store.sample(KEY, 10, 0.0)) == 10 and len(told) > 60


# The routing table


def node(number: int, host: str = "") -> NodeInfo:
    """A node whose id is this number, on a host of its own."""
    digest = Random(number).getrandbits(16)
    return NodeInfo(number.to_bytes(20, "big"), (host or f"10.{number & 255}.{digest >> 8}.{digest & 255}", 6881))


def far(number: int, host: str = "") -> NodeInfo:
    """One of the half of the id space in which the own id does not lie."""
    return node((1 << 159) + number, host)


@given(seed=st.integers(0, 1 << 32), size=st.integers(0, 300))
def test_the_closest_are_those_of_a_sort_by_distance(seed: int, size: int) -> None:
    """However the buckets were split; and the own half of the space is known the better."""
    rng = Random(seed)
    table = RoutingTable(rng.randbytes(20), 0.0)
    for number in range(size):
        table.answered(NodeInfo(rng.randbytes(20), (f"10.0.{number >> 8}.{number & 255}", 1)), 0.0)
    target = rng.getrandbits(160)
    everybody = sorted(table.contacts(), key=lambda contact: contact.number ^ target)
    assert table.closest(target) == everybody[:K]
    assert len(everybody) == len(table) >= min(size, K)


def test_only_the_bucket_of_the_own_id_splits() -> None:
    """A full bucket elsewhere keeps whom it has; newcomers wait."""
    table = RoutingTable(OWN, 0.0)
    for number in range(20):
        table.answered(far(number), 0.0)
    assert len(table) == K and table.spare_count == K
    for number in range(1, 20):
        table.answered(node(number << 100), 0.0)
    assert len(table) > 2 * K and table.depth > 2


def test_a_silent_node_is_asked_once_more_then_a_spare_is_met_in_its_place() -> None:
    """The spare takes the place when it answers."""
    table = RoutingTable(OWN, 0.0)
    for number in range(K + 1):
        table.answered(far(number), 0.0)
    table.failed(far(0), 1.0)
    assert [doubt.id for doubt in table.doubts] == [far(0).id]
    assert far(0).id not in [contact.id for contact in table.closest(number_of(far(0).id))], "others are not sent there"
    table.doubts.clear()
    table.failed(far(0), 2.0)
    assert [doubt.id for doubt in table.doubts] == [far(K).id] and len(table) == K - 1
    table.answered(far(K), 3.0)
    assert len(table) == K and far(K).id in [contact.id for contact in table.contacts()]


def test_a_node_that_answers_again_keeps_its_place() -> None:
    """A lost datagram is no death."""
    table = RoutingTable(OWN, 0.0)
    table.answered(far(1), 0.0)
    table.failed(far(1), 1.0)
    table.answered(far(1), 2.0)
    table.failed(far(1), 3.0)
    assert len(table) == 1


def test_newcomers_only_make_the_table_ask_who_was_not_heard_of_for_long() -> None:
    """Whoever floods a bucket with new ids turns nobody out that answers (Kademlia, 2.2)."""
    table = RoutingTable(OWN, 0.0)
    for number in range(K):
        table.answered(far(number), float(number))
    table.answered(far(99), GOOD_S)
    assert table.doubts == [], "all were heard of not long ago"
    table.answered(far(100), GOOD_S + 1)
    assert [doubt.id for doubt in table.doubts] == [far(0).id]
    assert far(100).id not in [contact.id for contact in table.contacts()]


def test_who_only_asks_is_met_before_it_gets_a_place() -> None:
    """And only where there is room for it."""
    table = RoutingTable(OWN, 0.0)
    table.asked(far(1), 0.0)
    assert len(table) == 0 and [doubt.id for doubt in table.doubts] == [far(1).id]
    for number in range(K):
        table.answered(far(number + 2), 0.0)
    table.answered(node(1), 0.0)
    table.doubts.clear()
    table.asked(far(1), 0.0)
    assert table.doubts == []


def test_one_host_has_one_place() -> None:
    """Whatever number of ids and ports it uses; but on loopback, where all are one machine, everybody has."""
    table = RoutingTable(OWN, 0.0)
    for number in range(1, 9):
        table.answered(NodeInfo(number.to_bytes(20, "big"), ("84.1.1.1", number)), 0.0)
    assert len(table) == 1
    for number in range(10, 14):
        table.answered(NodeInfo(number.to_bytes(20, "big"), ("127.0.0.1", number)), 0.0)
    assert len(table) == 5


def test_a_subnet_has_a_share_of_each_bucket() -> None:
    """A /24 of the open Internet; a laboratory may well be one subnet, and is exempt."""
    table = RoutingTable(OWN, 0.0)
    for number in range(K):
        table.answered(far(number, f"84.1.1.{number}"), 0.0)
    assert len(table) == MAX_PER_SUBNET
    for number in range(K):
        table.answered(far(100 + number, f"10.1.1.{number}"), 0.0)
    assert len(table) == K


def test_nobody_takes_over_the_id_of_another() -> None:
    """The same id at another address changes nothing while its owner answers."""
    table = RoutingTable(OWN, 0.0)
    table.answered(far(1, "84.1.1.1"), 0.0)
    table.answered(far(1, "99.9.9.9"), 1.0)
    assert [contact.address[0] for contact in table.contacts()] == ["84.1.1.1"]
    table.failed(far(1, "84.1.1.1"), 2.0)
    table.answered(far(1, "99.9.9.9"), 3.0)
    assert [contact.address[0] for contact in table.contacts()] == ["99.9.9.9"], "it came back elsewhere"


def test_a_bucket_without_news_is_refreshed_once_in_a_quarter_of_an_hour() -> None:
    """The one that waits longest first."""
    table = RoutingTable(OWN, 0.0)
    for number in range(K):
        table.answered(far(number), 0.0)
    table.answered(node(1), 10.0)
    table.answered(far(0), 20.0)
    assert table.stale_bucket(REFRESH_S + 9.0) is None
    assert table.stale_bucket(REFRESH_S + 10.0) == 1
    assert table.stale_bucket(REFRESH_S + 20.0) == 0
    assert table.stale_bucket(REFRESH_S + 20.0) is None


# What is provided


def test_keys_are_announced_again_before_others_forget_them() -> None:
    """And not all at the same moment."""
    provided = Provisions(Random(1))
    keys = [bytes([number]) * 20 for number in range(20)]
    for key in keys:
        provided.add(key, 6881, 0.0)
    assert {provided.take_due(1, 0.0) for _ in keys} == set(keys)
    assert provided.take_due(1, 1.0) is None
    times = []
    while len(times) < len(keys):
        assert provided.timer is not None
        times.append(provided.timer)
        assert provided.take_due(1, times[-1]) is not None
    assert 0 < times[0] < times[-1] <= REANNOUNCE_S < peer_store.EXPIRES_S / 2


def test_a_grown_network_hears_of_a_key_soon() -> None:
    """Others are nearest to it now; but not more often than every second."""
    provided = Provisions(Random(1))
    provided.add(KEY, 6881, 0.0)
    provided.take_due(1, 0.0)
    provided.grown(2, RETRY_S / 3)
    assert provided.timer == RETRY_S
    assert provided.take_due(2, RETRY_S) == KEY
    provided.grown(2, RETRY_S + 0.1)
    assert provided.timer is not None and provided.timer > 2 * RETRY_S


def test_what_is_withdrawn_is_announced_no_more() -> None:
    """Though its time was set, and also when it was provided twice."""
    provided = Provisions(Random(1))
    provided.add(KEY, 1, 0.0)
    provided.add(KEY, 2, 0.0)
    assert provided.port(KEY) == 2 and provided.take_due(1, 0.0) == KEY and provided.take_due(1, 0.0) is None
    provided.remove(KEY)
    assert provided.timer is None and provided.port(KEY) is None
