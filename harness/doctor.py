"""What this machine lacks for which feature, and the command that installs it.

Only looked at, never mended: every need is a question with an answer, and not one of them stops anybody.
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import resource
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.contenders.catalogue import CONTENDERS
from harness.errors import SwarmbenchError
from harness.labs import catalogue as labs
from harness.labs.base import HostSpec
from harness.labs.namespace.lab import NamespaceLab

APT = "apt-get install {}"

PROGRAMS = (
    # Feature, the programs any of which will do, and the command that installs one.
    ("docs/own-contenders.md: the example", ("curl",), APT.format("curl")),
    ("conformance tests: a second HTTP server", ("nginx",), APT.format("nginx-light")),
    ("interop tests: somebody else's tracker", ("opentracker",), APT.format("opentracker")),
    ("browser tests of the report", ("chromium", "chromium-browser", "google-chrome"), APT.format("chromium")),
    ("swarmbench gate", ("git",), APT.format("git")),
    ("make lock", ("uv",), "pip install uv"),
    ("swarmbench observe", ("prometheus",), APT.format("prometheus")),
    ("swarmbench observe: dashboards", ("grafana", "grafana-server"), f"{APT.format('grafana')}, from apt.grafana.com"),
    ("swarmbench observe: in containers", ("docker",), APT.format("docker.io")),
    ("swarmbench backfill", ("promtool",), APT.format("prometheus")),
)

MODULES = (("swarmbench dashboards push", "grafana_api", "pip install 'swarmbench[grafana]'"),)

SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where servers lie that an ordinary user's PATH leaves out."""

FILES = 4096
"""Open files that a run of a thousand peers needs in one process: each fleet's own, and the demand's for all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One feature: whether it works here, and what it is, or what to do."""

    feature: str
    works: bool
    told: str


def examine() -> list[Finding]:
    """Every feature that needs something which a machine may lack."""
    return [*_labs(), _delay(), *_contenders(), *_programs(shutil.which), *_modules(), _cores(), _files()]


def _labs() -> Iterable[Finding]:
    for row in labs.rows():
        yield Finding(f"{row.name} lab", row.availability.usable, row.availability.reason)


def _delay() -> Finding:
    """Tried for real: nothing else tells whether the kernel has netem and lets a namespace use it."""

    async def attempt() -> None:
        async with NamespaceLab() as lab:
            await lab.lay_out([HostSpec(name, 1e6, 1e6) for name in ("server", "peer")], delay=0.001)

    feature = "links with delay and loss"
    if not NamespaceLab.availability().usable:
        return Finding(feature, False, "need the namespace lab")
    try:
        asyncio.run(attempt())
    except SwarmbenchError as error:
        return Finding(feature, False, str(error))
    return Finding(feature, True, "netem")


def _contenders() -> Iterable[Finding]:
    for each in CONTENDERS:
        reason = each.unavailable()
        yield Finding(f"contender {each.name}", reason is None, reason or each.summary)


def _programs(find: Callable[[str], str | None]) -> Iterable[Finding]:
    for feature, programs, install in PROGRAMS:
        path = next((path for program in programs if (path := find(program) or _in_sbin(program))), None)
        missing = f"{programs[0]} is missing; install it with: {install}"
        yield Finding(feature, path is not None, path or missing)


def _in_sbin(program: str) -> str | None:
    return shutil.which(program, path=SBIN)


def _modules() -> Iterable[Finding]:
    for feature, module, install in MODULES:
        there = importlib.util.find_spec(module) is not None
        yield Finding(feature, there, module if there else f"{module} is missing; install it with: {install}")


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0))
    told = f"{cores} cores" if cores > 1 else "one core is shared by all, and most rows will be invalid"
    return Finding("peers and server at the same time", cores >= 2, told)


def _files() -> Finding:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    enough = hard == resource.RLIM_INFINITY or hard >= FILES
    told = f"{hard} open files allowed" if enough else f"{hard} open files allowed; raise that with: ulimit -Hn {FILES}"
    return Finding("a thousand peers", enough, told)
