"""What processes use, from real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time

import psutil

from harness.metrics.sampling import Sampler
from harness.metrics.switches import SwitchMeter
from harness.results.roles import Role
from harness.results.step import Step


def test_each_role_is_sampled_with_its_own_use():
    """CPU since the start, memory, and the peers' verified bytes."""
    heard = []
    sampler = Sampler(
        Step("http", 1, 0), {Role.PEERS: [os.getpid()], Role.SERVER: [os.getppid()]}, lambda: 77, heard.append
    )
    sampler.start(time.monotonic())
    busy_until = time.process_time() + 0.2
    while time.process_time() < busy_until:
        pass
    sampler.take()
    by_role = {sample.role: sample for sample in sampler.samples}
    assert set(by_role) == {Role.PEERS, Role.SERVER, Role.MACHINE}
    assert 0.15 < by_role[Role.PEERS].cpu_s < 5
    assert by_role[Role.PEERS].rss_bytes > 10**6
    assert (by_role[Role.PEERS].bytes, by_role[Role.SERVER].bytes) == (77, 0)
    assert by_role[Role.MACHINE].cpu_s > 0.1
    assert heard == [sampler.samples]


def test_context_switches_are_of_all_threads():
    """Of those that were there before, from the start on; of one that has ended, all it made."""
    script = (
        "import sys, threading, time\n"
        "threading.Thread(target=lambda: [time.sleep(0.001) for _ in range(100)]).start()\n"
        "[time.sleep(0.001) for _ in range(100)]\n"
        "print('waited', flush=True)\n"
        "sys.stdin.readline()\n"
        "thread = threading.Thread(target=lambda: [time.sleep(0.001) for _ in range(100)] + [sys.stdin.readline()])\n"
        "thread.start()\n"
        "time.sleep(0.5)\n"
        "print('again', flush=True)\n"
        "thread.join()\n"
        "print('ended', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    counted = []
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        meter = SwitchMeter(process.pid)
        counted.append(meter.read().waits)
        for _ in range(2):
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            counted.append(meter.read().waits)
        process.stdin.write(b"\n")
    counted.append(meter.read().waits)
    assert counted[0] < 10
    assert 100 <= counted[1] <= counted[2] <= counted[3] < 200


def test_what_hosts_send_each_other_is_the_machines():
    """Seen by a process in the lab, which has one interface for all; what it saw last stands when it has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        roles = {Role.HARNESS: [os.getpid()], Role.PEERS: [child.pid]}
        sampler = Sampler(Step("http", 1, 0), roles, lambda: 0, lambda samples: None)
        sampler.start(time.monotonic())
        with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
            client.sendall(bytes(100_000))
            taken, _ = server.accept()
            with taken:
                taken.recv(100_000, socket.MSG_WAITALL)
        sampler.take()
    sampler.take()
    first, second = (each.link_bytes for each in sampler.samples if each.role is Role.MACHINE)
    assert second >= first > 100_000
    assert {each.link_bytes for each in sampler.samples if each.role is not Role.MACHINE} == {None}


def test_a_process_that_ended_keeps_what_it_used():
    """Its last reading stands, and nothing breaks."""
    with subprocess.Popen(
        [sys.executable, "-c", "import time\nwhile time.process_time() < .3: pass\ntime.sleep(60)"]
    ) as child:
        sampler = Sampler(Step("http", 1, 0), {Role.PEERS: [child.pid]}, lambda: 0, lambda samples: None)
        sampler.start(time.monotonic())
        time.sleep(0.6)
        sampler.take()
        child.kill()
    sampler.take()
    before, after = [sample.cpu_s for sample in sampler.samples if sample.role == Role.PEERS]
    assert after == before > 0


def test_samples_come_once_a_second():
    """Counted from the step's start."""

    async def go():
        sampler = Sampler(Step("http", 1, 0), {}, lambda: 0, lambda samples: None)
        async with sampler.during(time.monotonic()):
            await asyncio.sleep(2.3)
        return [sample.at_s for sample in sampler.samples]

    first, second = asyncio.run(go())
    assert 1 <= first < 1.3 and 2 <= second < 2.3


def test_what_a_process_starts_is_metered_with_it():
    """A fleet may run a program for each of its peers; but the harness has started all, and is charged for none."""
    grandchild = "import time; [None for _ in iter(lambda: time.process_time() < .3, False)]; time.sleep(60)"
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {grandchild!r}])"
    with subprocess.Popen([sys.executable, "-c", starter], start_new_session=True) as child:
        try:
            deadline = time.monotonic() + 10
            while not psutil.Process(child.pid).children() and time.monotonic() < deadline:
                time.sleep(0.01)
            roles = {Role.PEERS: [child.pid], Role.HARNESS: [child.pid]}
            sampler = Sampler(Step("http", 1, 0), roles, lambda: 0, lambda samples: None)
            sampler.start(time.monotonic())
            used = 0.0
            while used < 0.2 and time.monotonic() < deadline:
                time.sleep(0.05)
                sampler.take()
                used = max(sample.cpu_s for sample in sampler.samples if sample.role is Role.PEERS)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
    assert used >= 0.2
    assert max(sample.cpu_s for sample in sampler.samples if sample.role is Role.HARNESS) < 0.1


def test_a_program_that_has_ended_is_charged_to_who_started_it():
    """A program run for one fetch is gone before the last sample; what it used must not be, nor count twice."""
    burn = "import time\nwhile time.process_time() < {}: pass\n"
    early, late = burn.format(0.5) + "input()", burn.format(0.3)
    script = (
        "import subprocess, sys\n"
        f"early = subprocess.Popen([sys.executable, '-c', {early!r}], stdin=subprocess.PIPE)\n"
        "print('started', flush=True)\n"
        "input()\n"
        f"subprocess.run([sys.executable, '-c', {late!r}])\n"
        "early.communicate(b'\\n')\n"
        "print('ended', flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as starter:
        assert starter.stdin is not None and starter.stdout is not None
        starter.stdout.readline()
        [child] = psutil.Process(starter.pid).children()
        deadline = time.monotonic() + 20
        while sum(child.cpu_times()[:2]) < 0.45 and time.monotonic() < deadline:
            time.sleep(0.01)
        sampler = Sampler(Step("http", 1, 0), {Role.PEERS: [starter.pid]}, lambda: 0, lambda samples: None)
        sampler.start(time.monotonic())
        starter.stdin.write(b"\n")
        starter.stdin.flush()
        starter.stdout.readline()
        sampler.take()
        starter.stdin.write(b"\n")
    [used] = [sample.cpu_s for sample in sampler.samples if sample.role is Role.PEERS]
    assert 0.25 <= used < 0.5
