"""Labs on the real kernel: what links carry, who is inside, and what is left afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from conftest import require_tool
from lab_driver import MBIT, SERVER, STUBBORN, peers
from lab_machine import Drivers, ordinary_user, processes_named, require_namespaces, users_of

from harness.errors import UsageError
from harness.labs.base import Host, HostSpec, Lab
from harness.labs.catalogue import choose
from harness.labs.health import read_health
from harness.labs.keeper import module_argv
from harness.labs.probe import Findings, Flow, Phase, Plan

GONE_S = 2.0
ONE_WAY = 1448 / 1514
"""Payload in a full frame: 1500 less 40 bytes of headers and 12 of timestamps, in 1514 with Ethernet's header."""
DUPLEX = 1448 / (1514 + 66 / 2)
"""The same when the link also carries a 66-byte acknowledgement for every second frame that comes the other way."""

LABS = ["namespace", "loopback"]


@pytest.fixture(autouse=True)
def _tools() -> None:
    require_tool("setpriv", "util-linux")


def lab_named(name: str) -> Lab:
    if name == "namespace":
        require_namespaces()
    return choose(name)


def in_lab(name: str, deed: Callable[[Lab], Awaitable[None]]) -> None:
    async def enter() -> None:
        async with lab_named(name) as lab:
            await deed(lab)

    asyncio.run(enter())


async def probe(lab: Lab, flows: list[Flow], scratch: Path) -> float:
    """Payload rate of these flows together, measured in the lab."""
    plan = Plan(flows[0], [[Phase("flows", flows, ramp_s=0.2, window_s=0.4, buffer=1 << 15)]])
    (scratch / "plan").write_bytes(msgspec.json.encode(plan))
    argv = module_argv("harness.labs.probe", str(scratch / "plan"), str(scratch / "findings"))
    process = await lab.start(argv, log=scratch / "log")
    assert await process.wait() == 0, (scratch / "log").read_text()
    return msgspec.json.decode((scratch / "findings").read_bytes(), type=Findings).phases["flows"].rate


def check_calibration(measured: dict[str, float]) -> None:
    assert measured["server_up"] == pytest.approx(40 * MBIT * ONE_WAY, rel=0.02)
    assert measured["peer_up"] == pytest.approx(8 * MBIT * ONE_WAY, rel=0.02)
    assert measured["peer_up_duplex"] == pytest.approx(8 * MBIT * DUPLEX, rel=0.02)
    assert measured["peer_down"] == pytest.approx(32 * MBIT * ONE_WAY, rel=0.02)
    assert 0 < measured["round_trip_s"] < 0.005
    for link in measured["links"]:
        assert link["measured"] == pytest.approx(link["expected"], rel=0.02), link
        assert link["fairness_jain"] is None or link["fairness_jain"] > 0.95


def test_namespace_links_carry_their_rates_less_headers() -> None:
    """Calibration finds every link within 2 % of what headers leave of its rate, and TCP on reno."""
    require_namespaces()
    measured = Drivers().run("calibrate", "namespace")
    check_calibration(measured)
    assert measured["congestion_control"] == "reno"


def test_an_ordinary_user_gets_the_same_links_and_leaves_nothing() -> None:
    """The namespace lab needs no root: not to lay out, not to calibrate, not to end everything."""
    require_namespaces()
    drivers = Drivers()
    with ordinary_user() as prefix:
        check_calibration(drivers.run("calibrate", "namespace", prefix=prefix))
        assert drivers.left_after(GONE_S) == []


def test_loopback_probes_keep_to_their_caps() -> None:
    """Where nothing shapes the links, calibration finds what a contender's own caps let through, within 5 %."""
    measured = Drivers().run("calibrate", "loopback")
    for name, rate in (("server_up", 40), ("peer_up", 8), ("peer_up_duplex", 8), ("peer_down", 32)):
        assert measured[name] == pytest.approx(rate * MBIT, rel=0.05), name


def test_the_last_of_256_hosts_has_its_own_link_both_ways(tmp_path: Path) -> None:
    """A large lay-out takes seconds at most, and its last host sends and receives at its own rates."""

    async def deed(lab: Lab) -> None:
        start = time.monotonic()
        *_, last = hosts = await lab.lay_out([SERVER, *peers(255), HostSpec("last", 5 * MBIT, 20 * MBIT)])
        assert time.monotonic() - start < 5
        server = hosts[0].address
        assert await probe(lab, [Flow(last.address, server)], tmp_path) == pytest.approx(5 * MBIT * ONE_WAY, rel=0.02)
        assert await probe(lab, [Flow(server, last.address)], tmp_path) == pytest.approx(20 * MBIT * ONE_WAY, rel=0.02)

    in_lab("namespace", deed)


def test_a_socket_bound_to_no_host_gets_the_slowest_link(tmp_path: Path) -> None:
    """A contender that forgets to bind cannot outrun one that does not."""

    async def deed(lab: Lab) -> None:
        hosts = await lab.lay_out([SERVER, *peers(2), HostSpec("slow", 4 * MBIT, 16 * MBIT)])
        rate = await probe(lab, [Flow("0.0.0.0", hosts[1].address)], tmp_path)
        assert rate == pytest.approx(4 * MBIT * ONE_WAY, rel=0.02)

    in_lab("namespace", deed)


@pytest.mark.parametrize("name", LABS)
def test_a_process_can_bind_every_host_and_nothing_else(name: str, tmp_path: Path) -> None:
    """The addresses are there for whatever starts in the lab; one that no host has is not."""
    attempt = "import socket, sys; [socket.create_server((address, 0)) for address in sys.argv[1:]]"

    async def deed(lab: Lab) -> None:
        addresses = [host.address for host in await lab.lay_out([SERVER, *peers(3)])]
        assert len(set(addresses)) == 4
        bound = await lab.start([sys.executable, "-c", attempt, *addresses], log=tmp_path / "log")
        refused = await lab.start([sys.executable, "-c", attempt, "192.0.2.1"], log=tmp_path / "log")
        assert (await bound.wait(), await refused.wait()) == (0, 1)

    in_lab(name, deed)


@pytest.mark.parametrize("name", LABS)
def test_output_and_environment_reach_a_process(name: str, tmp_path: Path) -> None:
    """Output is appended to the log; `env` adds to the environment; the harness's pid is the process's own."""

    async def deed(lab: Lab) -> None:
        await lab.lay_out([SERVER])
        for word in ("one", "two"):
            process = await lab.start(["sh", "-c", "echo $WORD $$"], log=tmp_path / "log", env={"WORD": word})
            assert await process.wait() == 0
            assert (tmp_path / "log").read_text().splitlines()[-1] == f"{word} {process.pid}"
        assert len((tmp_path / "log").read_text().splitlines()) == 2

    in_lab(name, deed)


@pytest.mark.parametrize("name", LABS)
def test_an_unknown_command_is_said_at_once(name: str, tmp_path: Path) -> None:
    """A contender that is not installed shows as such, not as an exit code in a log."""

    async def deed(lab: Lab) -> None:
        with pytest.raises(UsageError, match="no-such-command: no such command"):
            await lab.start(["no-such-command"], log=tmp_path / "log")

    in_lab(name, deed)


@pytest.mark.parametrize("name", LABS)
def test_stop_ends_even_what_ignores_it(name: str, tmp_path: Path) -> None:
    """SIGTERM first; SIGKILL for the whole group when the grace is over."""

    async def deed(lab: Lab) -> None:
        process = await lab.start(["sh", "-c", STUBBORN], log=tmp_path / "log")
        await asyncio.sleep(0.2)
        assert os.getsid(process.pid) == process.pid, "Ctrl-C in the terminal must reach the harness alone"
        await process.stop(grace_s=0.2)
        assert process.returncode == -9

    in_lab(name, deed)


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("failing", [False, True], ids=["at the end", "after an exception"])
def test_nothing_is_left_when_the_lab_closes(name: str, failing: bool, tmp_path: Path) -> None:
    """No process, no grandchild that has left its session, no namespace – also when the run fails."""
    seen: dict[str, str] = {}
    mark = f"left-by-{os.getpid()}-{name}-{failing}"

    async def deed(lab: Lab) -> None:
        await lab.lay_out([SERVER])
        stubborn = STUBBORN.replace("sleep 300", f"sh -c 'sleep 300' {mark}")
        process = await lab.start(["sh", "-c", stubborn], log=tmp_path / "log")
        await asyncio.sleep(0.2)
        seen["namespace"] = str(Path(f"/proc/{process.pid}/ns/net").readlink())
        await process.stop(grace_s=0.3)
        if failing:
            raise RuntimeError("the run failed")

    if failing:
        with pytest.raises(RuntimeError):
            in_lab(name, deed)
    else:
        in_lab(name, deed)
    assert processes_named(mark) == []
    if name == "namespace":
        assert users_of(seen["namespace"]) == []


@pytest.mark.parametrize("name", LABS)
@pytest.mark.parametrize("user", ["this", "ordinary"])
def test_a_killed_harness_leaves_nothing(name: str, user: str) -> None:
    """Two seconds after SIGKILL no process and no namespace is left, whatever the contender's children do."""
    if name == "namespace":
        require_namespaces()
    drivers = Drivers()
    with ordinary_user() as prefix:
        driver = drivers.start("hold", name, prefix=prefix if user == "ordinary" else (sys.executable,))
        assert driver.stdout is not None
        held = json.loads(driver.stdout.readline())
        driver.kill()
        driver.wait()
        assert drivers.left_after(GONE_S) == []
        if name == "namespace":
            assert users_of(held["namespace"]) == []


@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3, 0.6])
def test_a_harness_killed_during_the_lay_out_leaves_nothing(pause: float) -> None:
    """The same while the holder is still starting or at work."""
    require_namespaces()
    drivers = Drivers()
    driver = drivers.start("lay-out", "namespace", "1000")
    assert driver.stdout is not None
    assert json.loads(driver.stdout.readline()) == "laying out"
    time.sleep(pause)
    driver.kill()
    driver.wait()
    assert drivers.left_after(GONE_S) == []


def test_a_kernel_without_namespaces_falls_back_and_says_what_to_do() -> None:
    """`auto` takes the loopback lab; the namespace lab's row names the setting that forbids it."""
    require_namespaces()
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces; echo 0 >/proc/sys/user/max_net_namespaces; exec "$@"'
    rows = Drivers().run(
        "rows", prefix=("unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh", sys.executable)
    )
    usable, reason = rows["labs"]["namespace"]
    assert not usable
    assert "sysctl user.max_user_namespaces" in reason
    assert rows["labs"]["loopback"][0]
    assert rows["chosen"] == "loopback"


def test_a_delay_is_given_or_refused_in_one_line(tmp_path: Path) -> None:
    """With netem the round trip takes twice the one-way delay; without it, a usage error names the alternatives."""

    async def deed(lab: Lab) -> None:
        try:
            hosts: list[Host] = await lab.lay_out([SERVER, *peers(1)], delay=0.02)
        except UsageError as error:
            assert "netem" in str(error)
            assert "links.delay=0s" in str(error)
            return
        await probe(lab, [Flow(hosts[0].address, hosts[1].address)], tmp_path)
        findings = msgspec.json.decode((tmp_path / "findings").read_bytes(), type=Findings)
        assert findings.round_trip_s == pytest.approx(0.04, rel=0.1)

    in_lab("namespace", deed)


def test_loss_is_given_or_refused_in_one_line(tmp_path: Path) -> None:
    """With netem TCP has to send again; without it, a usage error names the alternatives."""

    async def deed(lab: Lab) -> None:
        try:
            hosts = await lab.lay_out([SERVER, *peers(1)], loss=0.05)
        except UsageError as error:
            assert "no netem" in str(error)
            assert "links.loss=0%" in str(error)
            return
        process = await lab.start(["sleep", "60"], log=tmp_path / "log")
        await probe(lab, [Flow(hosts[0].address, hosts[1].address)], tmp_path)
        assert read_health(process.pid).retransmitted_segments > 0

    in_lab("namespace", deed)


@pytest.mark.parametrize("what", [{"delay": 0.02}, {"loss": 0.01}])
def test_the_loopback_lab_refuses_a_delay_and_loss(what: dict[str, float]) -> None:
    """It cannot hold packets back, nor drop them, and says who could."""

    async def deed(lab: Lab) -> None:
        with pytest.raises(UsageError, match="--lab namespace"):
            await lab.lay_out([SERVER], **what)

    in_lab("loopback", deed)


def test_health_reads_the_counters_of_the_lab(tmp_path: Path) -> None:
    """Any process in the lab shows the lab's own TCP counters: a fresh namespace has sent nothing again."""

    async def deed(lab: Lab) -> None:
        await lab.lay_out([SERVER])
        process = await lab.start(["sleep", "60"], log=tmp_path / "log")
        await asyncio.sleep(0.2)
        before = read_health(process.pid)
        assert before.retransmitted_segments == 0
        assert read_health(process.pid).since(before).backlog_drops >= 0

    in_lab("namespace", deed)
