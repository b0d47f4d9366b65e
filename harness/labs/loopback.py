"""The loopback lab: hosts are addresses in 127.0.0.0/8, and nothing shapes their links.

The fallback where the kernel offers no namespaces. It needs neither root nor any kernel feature; contenders cap
themselves at their host's rates.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import shutil
import socket
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from harness.errors import UsageError
from harness.labs.base import Availability, Host, HostSpec
from harness.labs.janitor import MARK
from harness.labs.keeper import Keeper, module_argv
from harness.labs.processes import Processes, StartedProcess
from harness.labs.specs import check_specs

MAX_HOSTS = 2**16 - 2


class LoopbackLab:
    """Hosts at 127.x.y.z (implements `harness.labs.base.Lab`)."""

    name = "loopback"
    fidelity = "loopback"
    shapes_links = False
    virtual = False

    def __init__(self) -> None:
        self.congestion_control: str | None = None
        self._processes = Processes()
        self._mark = uuid.uuid4().hex
        self._janitor: Keeper | None = None

    @staticmethod
    def availability() -> Availability:
        """Whether any address in 127.0.0.0/8 can be bound, as on Linux, or only 127.0.0.1."""
        with socket.socket() as trial:
            try:
                trial.bind((_address(1), 0))
            except OSError as error:
                why = errno.errorcode.get(error.errno or 0, str(error))
                return Availability(False, f"cannot bind {_address(1)} ({why}); run it on Linux")
        return Availability(True, "always works, without root; links are caps that contenders put on themselves")

    async def __aenter__(self) -> Self:
        self._janitor = await Keeper.start(module_argv("harness.labs.janitor", self._mark))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._processes.stop_all()
        if self._janitor is not None:
            await self._janitor.close()

    async def lay_out(self, specs: Sequence[HostSpec], *, delay: float = 0.0, loss: float = 0.0) -> list[Host]:
        """Name the hosts; raises UsageError for a delay or loss, which this lab cannot give."""
        check_specs(specs, MAX_HOSTS, shaped=self.shapes_links)
        if delay > 0 or loss > 0:
            raise UsageError(
                "the loopback lab cannot delay or lose packets; set links.delay=0s and links.loss=0%, "
                "or use --lab namespace on a kernel with netem"
            )
        self.congestion_control = _congestion_control()
        return [Host(spec.name, _address(number), spec.up, spec.down) for number, spec in enumerate(specs, start=1)]

    async def start(self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> StartedProcess:
        """Start a process that dies with the harness; its children are swept when lab or harness end."""
        return await self._processes.start(_tie(), argv, log=log, env={**(env or {}), MARK: self._mark})


def _address(number: int) -> str:
    """The address of the nth host; the second octet keeps most runs at once out of each other's way."""
    block = 1 + os.getpid() % 254
    return str(ipaddress.IPv4Address(f"127.{block}.0.0") + number)


def _tie() -> list[str]:
    """What makes a process die with the harness at once; without util-linux the janitor does it a moment later."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "SIGKILL", "--"] if setpriv else []


def _congestion_control() -> str | None:
    try:
        return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    except OSError:
        return None
