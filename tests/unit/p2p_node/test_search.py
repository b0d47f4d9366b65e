"""When a torrent asks its host's discovery for peers."""

from p2p_node.boundary import Provide, Seek, Withdraw
from p2p_node.core.search import FIRST_WAIT_S, MAX_WAIT_S, Search

KEYS = (b"a" * 20, b"b" * 20)


def taken(search):
    effects = list(search.effects)
    search.effects.clear()
    return effects


def test_it_seeks_at_once_under_every_name():
    """A hybrid torrent has two, and its peers may be known by either."""
    search = Search(KEYS, 6881)
    search.tend(True, 5.0)
    assert taken(search) == [Seek(key) for key in KEYS]


def test_while_lonely_it_waits_twice_as_long_each_time():
    """Up to a bound, and never asks before its timer."""
    search, now, waits = Search(KEYS[:1], 6881), 0.0, []
    for _ in range(12):
        search.tend(True, now)
        assert taken(search) == [Seek(KEYS[0])]
        assert search.timer is not None
        waits.append(search.timer - now)
        search.tend(True, search.timer - 0.01)
        assert not search.effects
        now = search.timer
    assert waits[:3] == [FIRST_WAIT_S, 2 * FIRST_WAIT_S, 4 * FIRST_WAIT_S]
    assert waits[-1] == MAX_WAIT_S


def test_in_company_it_does_not_seek():
    """Nor does it wake anybody up for it; lonely anew, it begins with the short waits."""
    search = Search(KEYS[:1], 6881)
    for now in (0.0, 1.0, 3.0):
        search.tend(True, now)
    search.tend(False, 4.0)
    taken(search)
    assert search.timer is None
    search.tend(True, 100.0)
    assert taken(search) == [Seek(KEYS[0])]
    assert search.timer == 100.0 + FIRST_WAIT_S


def test_it_is_provided_once_and_withdrawn_at_the_end():
    """Whoever was never provided is not withdrawn."""
    search = Search(KEYS, 6881)
    search.stop()
    assert not search.effects
    search.provide()
    search.provide()
    assert taken(search) == [Provide(key, 6881) for key in KEYS]
    search.stop()
    assert taken(search) == [Withdraw(key) for key in KEYS]


def test_a_private_torrent_asks_nobody():
    """Its peers come from its trackers alone (BEP 27): it has no key to ask for."""
    search = Search((), 6881)
    search.provide()
    search.tend(True, 0.0)
    assert not search.effects
    assert search.timer is None
