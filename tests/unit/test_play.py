"""One step, with a contender whose fleet goes after a script: claims are checked, and failures recorded."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from fleet import ITEM, scripted_fleet

from harness.bench import Bench
from harness.contenders.base import Deployment, Item
from harness.contenders.control import FleetControl
from harness.contenders.fleets import add_peers
from harness.contenders.scratch import Scratch
from harness.errors import SwarmbenchError
from harness.labs.base import Host
from harness.labs.loopback import LoopbackLab
from harness.play import Audience, play
from harness.results.roles import Role
from harness.results.step import Step
from harness.scenarios import catalogue
from harness.scenarios.reading import read_scenario


class ScriptedContender:
    name = "scripted"
    summary = "peers that do as their names say"
    origin_is_server = True

    def __init__(self, error=None):
        self.error = error

    def unavailable(self):
        return None

    @asynccontextmanager
    async def deploy(self, stage):
        if self.error:
            raise SwarmbenchError(self.error)
        socket = stage.sockets / "fleet.sock"
        async with scripted_fleet(socket), FleetControl(socket) as control:
            yield Deployment(await add_peers(stage, [control], {"source": "x", "sha256": None}), {})


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def play_with(place, names, contender):
    item = place / "item"
    item.write_bytes(ITEM)
    scenario = replace(read_scenario(catalogue.find("flash-crowd")), peers=(len(names),))
    hosts = [Host(name, "127.9.9.9", 1e6, 1e6) for name in names]

    async def go():
        async with LoopbackLab() as lab:
            bench = Bench(
                scenario,
                lab,
                Host("server", "127.9.9.1", 1e6, 1e6),
                hosts,
                Item(item, len(ITEM), hashlib.sha256(ITEM).hexdigest(), 0),
                Scratch(place / "payload", place / "sockets"),
            )
            return await play(
                bench,
                contender,
                Step("scripted", len(names), 0),
                deadline_s=10,
                logs=place / "logs",
                audience=Audience(lambda progress: None, lambda samples: None),
            )

    return asyncio.run(go())


def test_a_file_that_differs_from_the_item_fails_its_transfer(place):
    """However content the peer itself was with it; the others stand."""
    transfers = play_with(place, ["well-1", "corrupt-2", "well-3"], ScriptedContender()).transfers
    assert [transfer.ok for transfer in transfers] == [True, False, True]
    assert "differs from the item" in transfers[1].error
    assert transfers[1].done_s is None


def test_a_contender_that_does_not_come_up_leaves_failed_transfers(place):
    """One for each peer, with the reason, so that the step is on record as it was."""
    played = play_with(place, ["well-1", "well-2"], ScriptedContender("the port is taken"))
    assert [(transfer.ok, transfer.error) for transfer in played.transfers] == [(False, "the port is taken")] * 2
    assert played.samples == []
    assert abs(played.began - time.time()) < 5


def test_the_last_sample_holds_all_that_was_verified(place):
    """Also in a step shorter than a second."""
    samples = play_with(place, ["well-1", "well-2"], ScriptedContender()).samples
    assert {sample.role for sample in samples} == {Role.HARNESS, Role.MACHINE}
    assert samples[-1].at_s > 0


def test_a_step_knows_the_time_of_day_at_which_its_times_are_0(place):
    """So that its records can be laid beside anything else that happened."""
    before = time.time()
    played = play_with(place, ["well-1"], ScriptedContender())
    assert before < played.began < time.time() - played.transfers[0].done_s


def test_downloads_and_sockets_are_gone_and_logs_stay(place):
    """A run's scratch never grows beyond one step's."""
    play_with(place, ["well-1"], ScriptedContender())
    assert list((place / "payload").iterdir()) == list((place / "sockets").iterdir()) == []
    assert (place / "logs" / "locust.log").stat().st_size > 0
