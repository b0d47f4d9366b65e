"""Scenario files and overrides: what is accepted, and in which words the rest is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.scenarios import catalogue
from harness.scenarios.model import Arrival, Link, LinkClass, Links
from harness.scenarios.reading import parse_overrides, read_scenario

MINIMAL = """
title = "Small"
contenders = ["http"]
peers = [2]

[content]
size = "1MiB"

[links]
server = { up = "8mbit", down = "8mbit" }
peer = { up = "1mbit", down = "4mbit" }
"""


def read(tmp_path, text=MINIMAL, *overrides):
    path = tmp_path / "small.toml"
    path.write_text(text)
    return read_scenario(path, parse_overrides(overrides))


def test_units_become_bytes_and_seconds(tmp_path):
    """Sizes are bytes, rates bytes per second."""
    scenario = read(tmp_path)
    assert scenario.content.size == 2**20
    assert (scenario.links.server.up, scenario.links.peer.down) == (1e6, 5e5)


def test_what_is_left_out_has_a_default(tmp_path):
    """A flash crowd without delay, once, with pieces chosen from the size; the name is the file's."""
    scenario = read(tmp_path)
    assert scenario.name == "small"
    assert (scenario.demand.arrival, scenario.demand.over, scenario.links.delay) == (Arrival.FLASH, 0, 0)
    assert (scenario.content.piece_size, scenario.repeats) == (0, 1)


def test_an_override_wins_over_the_file(tmp_path):
    """`--set` replaces what the file says."""
    scenario = read(tmp_path, MINIMAL, "content.size=3KiB", "peers=1, 4", "demand.arrival=ramp", "demand.over=20s")
    assert scenario.content.size == 3072
    assert scenario.peers == (1, 4)
    assert (scenario.demand.arrival, scenario.demand.over) == (Arrival.RAMP, 20)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("peers=0", "--set: peers: 0 is not a whole number from 1 to 10000"),
        ("peers=-3", "--set: peers: -3 is not a whole number from 1 to 10000"),
        ("peers=nan", "--set: peers: nan is not a whole number from 1 to 10000"),
        ("peers=1.5", "--set: peers: 1.5 is not a whole number from 1 to 10000"),
        ("peers=", "--set: peers: the list is empty"),
        ("peers=4,4", "--set: peers: 4 stands there twice"),
        ("repeats=0", "--set: repeats: 0 is not a whole number from 1 to 1000"),
        ("links.peer.up=0.0001mbit", "--set: links.peer.up: 0.0001mbit is out of range"),
        ("links.peer.up=-1mbit", "--set: links.peer.up: '-1mbit' is not a rate"),
        ("links.peer.up=nan", "--set: links.peer.up: 'nan' is not a rate"),
        ("links.peer.up=8", "--set: links.peer.up: '8' is not a rate"),
        ("content.size=0", "--set: content.size: 0 is out of range"),
        ("content.size=99999999GiB", "--set: content.size: 99999999GiB is out of range"),
        ("content.size=0.3B", "--set: content.size: '0.3B' is not a whole number of bytes"),
        ("content.piece_size=17KiB", "--set: content.piece_size: 17KiB is not a piece size"),
        ("links.delay=25h", "--set: links.delay: 25h is out of range"),
        ("demand.arrival=flesh", "--set: demand.arrival: 'flesh' is not an arrival: write one of flash, poisson, ramp"),
        ("demand.arrival=ramp", "--set: demand.over: ramp arrivals need a time to spread over"),
        ("contenders=HTTP!", "--set: contenders: 'HTTP!' is not a name"),
        ("content.sise=1MiB", "--set: unknown key 'content.sise'; did you mean 'content.size'? known: name, title"),
        ("nonsense", "--set nonsense: write key=value"),
    ],
)
def test_a_bad_override_is_refused_in_one_line(tmp_path, override, message):
    """The message says where, which key, and what would be right."""
    with pytest.raises(UsageError) as caught:
        read(tmp_path, MINIMAL, override)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('size = "1MiB"', 'size = "1MiB"\nspeed = 1', "unknown key 'content.speed'"),
        ('title = "Small"', 'titel = "Small"', "unknown key 'titel'; did you mean 'title'?"),
        ('title = "Small"', "", "title: missing"),
        ('title = "Small"', "title = 3", "title: 3 is not a text"),
        ("peers = [2]", "peers = [0]", "peers: 0 is not a whole number"),
        ("peers = [2]", "peers = [nan]", "peers: nan is not a whole number"),
        ("peers = [2]", "peers = [true]", "peers: True is not a whole number"),
        ("peers = [2]", "peers = []", "peers: the list is empty"),
        (
            '[content]\nsize = "1MiB"',
            'content = "1MiB"',
            "content: must be a table with content.size, content.piece_size",
        ),
        ('up = "8mbit"', "up = 8", "links.server.up: 8 is not a text"),
        ("[content]", "[content", "not valid TOML"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path, old, new, message):
    """The message names the file first."""
    path = tmp_path / "small.toml"
    with pytest.raises(UsageError) as caught:
        read(tmp_path, MINIMAL.replace(old, new, 1))
    assert str(caught.value).startswith(f"{path}: {message}")
    assert "\n" not in str(caught.value)


def test_an_unknown_scenario_lists_the_known_ones():
    """A near miss is named."""
    with pytest.raises(
        UsageError, match=r"unknown scenario 'flash-crow'; did you mean 'flash-crowd'\? known: .*flash-crowd"
    ):
        catalogue.find("flash-crow")


def test_a_scenario_can_be_a_file_anywhere(tmp_path):
    """A path is anything with a slash or ending in .toml; a missing one is refused."""
    path = tmp_path / "mine.toml"
    with pytest.raises(UsageError, match="no such scenario file"):
        catalogue.find(str(path))
    path.write_text(MINIMAL)
    assert catalogue.find(str(path)) == path


@pytest.mark.parametrize("name", catalogue.names())
def test_every_packaged_scenario_is_valid(name):
    """A packaged scenario reads without a complaint and goes by its file's name."""
    assert read_scenario(catalogue.find(name)).name == name


UNLIMITED = [f"links.{host}.{way}=unlimited" for host in ("server", "peer") for way in ("up", "down")]


def test_links_may_be_unlimited(tmp_path):
    """Then what a byte costs is measured."""
    scenario = read(tmp_path, MINIMAL, *UNLIMITED)
    assert scenario.links.unlimited
    assert not read(tmp_path).links.unlimited


def test_some_unlimited_links_among_others_are_refused(tmp_path):
    """A lab shapes all links or none."""
    with pytest.raises(UsageError, match=r"--set: links\.server\.up: unlimited, but links\.server\.down is not"):
        read(tmp_path, MINIMAL, UNLIMITED[0])


@pytest.mark.parametrize(("written", "prewritten"), [("true", True), ("false", False)])
def test_prewritten_is_true_or_false(tmp_path, written, prewritten):
    """In a file and on the command line."""
    assert read(tmp_path, MINIMAL, f"content.prewritten={written}").content.prewritten is prewritten
    with pytest.raises(UsageError, match="neither true nor false"):
        read(tmp_path, MINIMAL, "content.prewritten=maybe")


HALVES = "links.classes=50% 4mbit/16mbit, 50% 16mbit/64mbit"


def test_peers_may_have_classes_of_links(tmp_path):
    """On the command line as text, in a file as tables; both mean the same."""
    tables = """
[[links.classes]]
share = "50%"
up = "4mbit"
down = "16mbit"

[[links.classes]]
share = "50%"
up = "16mbit"
down = "64mbit"
"""
    told, written = read(tmp_path, MINIMAL, HALVES), read(tmp_path, MINIMAL + tables)
    assert told == written
    assert [(each.share, each.link.up, each.link.down) for each in told.links.classes] == [
        (0.5, 5e5, 2e6),
        (0.5, 2e6, 8e6),
    ]


@given(shares=st.lists(st.integers(1, 100), min_size=1, max_size=5), count=st.integers(1, 300))
def test_every_class_has_its_share_among_the_first_peers_of_any_number(shares, count):
    """So that steps of all sizes are mixed alike."""
    classes = tuple(LinkClass(share / sum(shares), Link(number, 1.0)) for number, share in enumerate(shares, 1))
    peers = Links(Link(1, 1), Link(1, 1), 0.0, classes).of_peers(count)
    assert len(peers) == count
    for each in classes:
        assert abs(peers.count(each.link) - each.share * count) < len(classes)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ("50% 4mbit/16mbit", "the shares add up to 50%, not 100%"),
        ("50% 4mbit, 50% 8mbit/8mbit", "is not a class: write share, up and down"),
        ("50% 4mbit/x, 50% 8mbit/8mbit", "'x' is not a rate"),
        ("0% 4mbit/4mbit, 100% 8mbit/8mbit", "is not a share"),
        ("50% 4mbit/4mbit, 50% 4mbit/4mbit", "two classes have the same link"),
    ],
)
def test_classes_that_make_no_sense_are_refused(tmp_path, classes, message):
    """In one line that names the key."""
    with pytest.raises(UsageError, match=f"--set: links.classes: .*{message}"):
        read(tmp_path, MINIMAL, f"links.classes={classes}")


def test_a_rate_of_all_peers_would_be_ignored_where_there_are_classes(tmp_path):
    """So it is refused rather than ignored."""
    with pytest.raises(UsageError, match=r"links\.peer\.up: peers have classes of links here"):
        read(tmp_path, MINIMAL, HALVES, "links.peer.up=1mbit")
