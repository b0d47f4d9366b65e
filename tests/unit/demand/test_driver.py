"""The demand process, driven for real against a fleet after a script."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from fleet import ITEM, scripted_fleet

from harness.demand.driver import demand_process, starting_time
from harness.demand.messages import Assignment, Wish
from harness.results.schema import Sources


@pytest.fixture
def place():
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        yield Path(directory)


def act_out(place, peers, *, deadline_s=60.0, kill_after_s=None, by_host=False):
    """The transfers of these peers (name → intended start), and the fleet they fetched in."""

    async def go():
        socket = place / "fleet.sock"
        async with scripted_fleet(socket) as fleet, demand_process(place / "locust.log") as demand:
            await demand.ready()
            wishes = [
                Wish(name, at, str(socket), name, {"source": "x", "sha256": None}, {}) for name, at in peers.items()
            ]
            assignment = Assignment("http", len(peers), 0, starting_time(len(peers)), deadline_s, wishes, None, by_host)
            if kill_after_s is not None:
                asyncio.get_running_loop().call_later(kill_after_s, os.kill, demand.pid, signal.SIGKILL)
            heard, told = [], []
            ended = await demand.act_out(assignment, heard.append, told.append)
            await asyncio.sleep(0.1)
            if kill_after_s is None:
                assert {each.host for each in told} == set(peers), "each was told of when it ended"
            return [end.transfer for end in ended], heard, fleet

    return asyncio.run(go())


def test_a_flash_crowd_starts_within_milliseconds(place):
    """Locust is warm and its users are in place before the moment."""
    transfers, _, _ = act_out(place, {f"well-{number}": 0.0 for number in range(40)})
    assert all(transfer.ok for transfer in transfers)
    assert max(transfer.started_s for transfer in transfers) < 0.1
    assert min(transfer.started_s for transfer in transfers) >= 0


def test_every_peer_starts_at_its_own_moment(place):
    """Also when it lies beyond what Locust spawns at first."""
    plan = {"well-a": 0.0, "well-b": 0.7, "well-c": 3.2}
    transfers, _, _ = act_out(place, plan)
    assert [transfer.intended_s for transfer in transfers] == list(plan.values())
    assert all(0 <= transfer.started_s - transfer.intended_s < 0.1 for transfer in transfers)


def test_the_process_tells_how_it_copes(place):
    """Users, requests under way, how late starts were, and its own lag; the last word comes with the last end."""
    _, heard, _ = act_out(place, {"well-a": 0.0, "well-b": 0.7})
    assert (heard[0].users, heard[-1].users) == (2, 2), "they are there before their moments"
    assert (heard[-1].begun, heard[-1].ended) == (2, 2)
    assert 0 < heard[-1].late_s < 0.1
    assert 0 < max(progress.lag_s for progress in heard) < 0.25
    assert heard[-1].by_host == {}


def test_progress_is_told_by_host_where_that_is_asked_for(place):
    """In verified bytes."""
    _, heard, _ = act_out(place, {"well-a": 0.0, "failed-b": 0.0}, by_host=True)
    assert heard[-1].by_host == {"well-a": len(ITEM), "failed-b": 1000}


def test_a_transfer_is_recorded_as_the_fleet_tells_it(place):
    """Bytes, sources, waste and times in order; Locust's own statistics count it once."""
    [transfer], _, _ = act_out(place, {"well-a": 0.0})
    assert (transfer.bytes, transfer.wasted_bytes) == (len(ITEM), 16)
    assert transfer.sources == Sources(origin=1000, peers=len(ITEM) - 1000)
    assert transfer.started_s <= transfer.first_byte_s <= transfer.done_s
    statistics = [line for line in (place / "locust.log").read_text().splitlines() if "FETCH" in line]
    assert len(statistics) == 1 and statistics[0].split()[2] == "1"


@pytest.mark.parametrize(
    ("peer", "error"),
    [
        ("refused-a", "the fleet answered 409: .*a fetch is under way"),
        ("failed-a", "the source is gone"),
        ("dropped-a", "lost the fleet: it closed the stream"),
    ],
)
def test_a_fetch_that_goes_wrong_is_a_failed_transfer_with_its_reason(place, peer, error):
    """And the peers beside it are not concerned."""
    transfers, _, _ = act_out(place, {peer: 0.0, "well-b": 0.0})
    assert [transfer.ok for transfer in transfers] == [False, True]
    assert transfers[0].done_s is None
    assert re.search(error, transfers[0].error)


def test_a_transfer_that_outlasts_its_deadline_is_cancelled(place):
    """The fleet hears of it; what was verified by then is on record."""
    [transfer], heard, fleet = act_out(place, {"silent-a": 0.0}, deadline_s=1.0)
    assert not transfer.ok and transfer.error.startswith("given up: not done 1 s after")
    assert transfer.bytes == 1000
    assert fleet.cancelled == ["silent-a"]
    assert max(progress.bytes for progress in heard) == 1000


def test_a_demand_process_that_dies_leaves_failed_transfers(place):
    """As many as there are peers, with the log's place."""
    transfers, _, _ = act_out(place, {"silent-a": 0.0, "silent-b": 0.0}, kill_after_s=0.6)
    assert [transfer.ok for transfer in transfers] == [False, False]
    assert "ended early; its log: " in transfers[0].error


def test_the_demand_process_dies_with_the_harness(place):
    """Also when the harness is killed while Locust is still being imported."""
    code = (
        "import asyncio, pathlib, sys\n"
        "from harness.demand.driver import demand_process\n"
        "async def main():\n"
        "    async with demand_process(pathlib.Path(sys.argv[1])) as demand:\n"
        "        print(demand.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(place / "log")], stdout=subprocess.PIPE, text=True
    ) as harness:
        pid = int(harness.stdout.readline())
        harness.kill()
    deadline = time.monotonic() + 2
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
