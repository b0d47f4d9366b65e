"""A fleet of overlay nodes over its control API: what it tells of its nodes, and one line to what cannot be granted."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from itertools import count
from pathlib import Path

import psutil
import pytest
from controlling import Fleet, running_fleet
from serving import PATIENCE_S

KEY = "ab" * 20
HOST = "127.0.8.1"
PORTS = count(21_000)


def nodes(directory: Path, family: str) -> AbstractContextManager[Fleet]:
    """A fleet of nodes of this family."""
    return running_fleet(directory / f"{family}.sock", "p2p_node", "nodes", "--family", family)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """One in which a node is there."""
    with nodes(tmp_path_factory.mktemp("fleet"), "dht") as fleet:
        assert fleet.ask("POST", "/nodes", {"nodes": [node("there")]})[0] == 201
        yield fleet


def node(name: object, **changes: object) -> dict[str, object]:
    return {"id": name, "address": f"{HOST}:{next(PORTS)}", **changes}


def one(**changes: object) -> dict[str, object]:
    return {"nodes": [node("new", **changes)]}


def told(fleet: Fleet, path: str) -> dict:
    status, text = fleet.ask("GET", path)
    assert status == 200
    return json.loads(text)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/elsewhere", None, 404),
        ("PUT", "/nodes", {}, 405),
        ("POST", "/nodes", b"{", 400),
        ("POST", "/nodes", b"\xff", 400),
        ("POST", "/nodes", {}, 400),
        ("POST", "/nodes", {"nodes": [{}]}, 400),
        ("POST", "/nodes", one(id=1), 400),
        ("POST", "/nodes", one(id=""), 400),
        ("POST", "/nodes", one(address="nonsense"), 400),
        ("POST", "/nodes", one(address="127.0.8.1"), 400),
        ("POST", "/nodes", one(address="127.0.8.1:0"), 400),
        ("POST", "/nodes", one(address="127.0.8.1:65536"), 400),
        ("POST", "/nodes", one(address="127.0.8.1\n127.0.8.2:1"), 400),
        ("POST", "/nodes", one(address="192.0.2.1:6881"), 400),
        ("POST", "/nodes", one(contacts=["somewhere"]), 400),
        ("POST", "/nodes", one(contacts="127.0.8.1:6881"), 400),
        ("POST", "/nodes", one(role="king"), 400),
        ("POST", "/nodes", one(role="supernode"), 400),
        ("POST", "/nodes", one(colour="red"), 400),
        ("POST", "/nodes", {"nodes": [node("there")]}, 409),
        ("POST", "/nodes/provide", {"items": [{"node": "there"}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": "abc", "port": 1}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": "xy" * 20, "port": 1}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": f"{KEY}\n", "port": 1}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": KEY, "port": 0}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": KEY, "port": 70_000}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "there", "key": KEY, "port": "6881"}]}, 400),
        ("POST", "/nodes/provide", {"items": [{"node": "no\nbody", "key": KEY, "port": 1}]}, 404),
        ("POST", "/nodes/remove", {"ids": "there"}, 400),
        ("POST", "/nodes/remove", {"ids": ["there"], "abrupt": "perhaps"}, 400),
        ("POST", "/nodes/remove", {"ids": ["there", "nobody"]}, 404),
        ("POST", "/nodes/there/lookup", {}, 400),
        ("POST", "/nodes/there/lookup", {"key": "ab"}, 400),
        ("POST", "/nodes/there/lookup", {"key": "é" * 20}, 400),
        ("POST", "/nodes/nobody/lookup", {"key": KEY}, 404),
        ("POST", "/nodes/no%0Abody/lookup", {"key": KEY}, 404),
    ],
)
def test_refused(fleet: Fleet, method: str, path: str, body: object, status: int) -> None:
    """Each has its status, and a body with one line; nobody is made or removed by it."""
    got, text = fleet.ask(method, path, body)
    assert got == status, text
    error = json.loads(text)["error"]
    assert error and "\n" not in error
    assert told(fleet, "/nodes")["nodes"] == 1


def test_an_order_that_fails_makes_none_of_its_nodes(fleet: Fleet) -> None:
    """Neither those named before the bad one, nor is a port kept."""
    good, taken = node("good"), node("taken")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((HOST, int(str(taken["address"]).rpartition(":")[2])))
        status, text = fleet.ask("POST", "/nodes", {"nodes": [good, taken]})
    assert (status, json.loads(text)["error"].partition(":")[0]) == (400, "node taken")
    assert told(fleet, "/nodes")["nodes"] == 1
    assert fleet.ask("POST", "/nodes", {"nodes": [good, good]})[0] == 409
    assert told(fleet, "/nodes")["nodes"] == 1
    assert fleet.ask("POST", "/nodes", {"nodes": [good]})[0] == 201
    assert fleet.ask("POST", "/nodes/remove", {"ids": ["good"]})[0] == 204


@pytest.mark.parametrize("family", ["dht", "gossip", "supernode"])
def test_a_node_finds_what_another_has(tmp_path: Path, family: str) -> None:
    """The stream names the lookup, tells who was found and how far, and ends; its cost goes by that name."""
    role = {"role": "supernode"} if family == "supernode" else {}
    first, second, third = node("a", **role), node("b"), node("c")
    for each in (second, third):
        each["contacts"] = [first["address"]]
    with nodes(tmp_path, family) as fleet:
        for each in (first, second, third):
            assert fleet.ask("POST", "/nodes", {"nodes": [each]}) == (201, '{"added": 1}')
        deadline = time.monotonic() + PATIENCE_S
        while told(fleet, "/nodes") != {"nodes": 3, "joined": 3}:
            assert time.monotonic() < deadline
        assert fleet.ask("POST", "/nodes/provide", {"items": [{"node": "b", "key": KEY, "port": 7000}]})[0] == 204
        events = []
        for _ in range(50):  # until the item is known, which takes a round trip or a few
            status, text = fleet.ask("POST", "/nodes/c/lookup", {"key": KEY})
            assert status == 200
            events = [json.loads(line) for line in text.splitlines()]
            if len(events) > 2:
                break
        assert [event["event"] for event in events] == ["started", "found", "done"]
        assert events[1]["peers"] == [f"{HOST}:7000"]
        assert 0 <= events[1]["hops"] <= 2  # 0 where the seeker is itself among those that index the key
        assert events[0]["at"] <= events[1]["at"] <= events[2]["at"]
        messages, size = told(fleet, "/costs")["lookups"][events[0]["lookup"]]
        assert 1 <= messages <= 20 and size > 10 * messages
        census = {each["id"]: each for each in told(fleet, "/nodes/census")["nodes"]}
        assert set(census) == {"a", "b", "c"}
        assert all(each["joined"] and each["sent"] and each["received"] for each in census.values())


@pytest.mark.parametrize("family", ["dht", "gossip", "supernode"])
def test_an_idle_node_takes_little_memory(tmp_path: Path, family: str) -> None:
    """Of a hundred nodes of one fleet that know each other, none takes more than 100 KiB."""
    role = {"role": "supernode"} if family == "supernode" else {}
    with nodes(tmp_path, family) as fleet:
        contacts = [node(f"first-{number}", **role) for number in range(2)]
        contacts[1]["contacts"] = [contacts[0]["address"]]
        assert fleet.ask("POST", "/nodes", {"nodes": contacts})[0] == 201
        before = psutil.Process(fleet.process.pid).memory_info().rss
        known = [contact["address"] for contact in contacts]
        crowd = [node(str(number), contacts=known) for number in range(100)]
        assert fleet.ask("POST", "/nodes", {"nodes": crowd})[0] == 201
        deadline = time.monotonic() + PATIENCE_S
        while told(fleet, "/nodes") != {"nodes": 102, "joined": 102}:
            assert time.monotonic() < deadline
        after = psutil.Process(fleet.process.pid).memory_info().rss
    assert (after - before) / len(crowd) < 100 << 10


def test_a_node_that_is_removed_ends_its_lookup(tmp_path: Path) -> None:
    """Whoever listens hears the end, rather than nothing for ever."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with silent, nodes(tmp_path, "dht") as fleet:
        silent.bind((HOST, 0))
        contact = f"{HOST}:{silent.getsockname()[1]}"
        assert fleet.ask("POST", "/nodes", {"nodes": [node("a"), node("b", contacts=[contact])]})[0] == 201
        stream = fleet.stream("POST", "/nodes/b/lookup", {"key": KEY})
        assert json.loads(stream.readline())["event"] == "started"
        assert fleet.ask("POST", "/nodes/remove", {"ids": ["b"], "abrupt": True})[0] == 204
        assert json.loads(stream.readline())["event"] == "done"
        assert fleet.ask("GET", "/healthz") == (200, "ok")


def test_an_unknown_family_is_a_usage_error(tmp_path: Path) -> None:
    """One of those that there are is asked for."""
    command = [sys.executable, "-m", "p2p_node", "nodes", "--family", "chord", "--control", str(tmp_path / "s")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert ended.returncode == 2
    assert "'chord' is not one of" in ended.stderr and "Traceback" not in ended.stderr
