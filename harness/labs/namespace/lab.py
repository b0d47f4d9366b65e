"""The namespace lab as the harness sees it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import msgspec

from harness.errors import SwarmbenchError, UsageError
from harness.labs.base import Availability, Host, HostSpec
from harness.labs.keeper import Keeper
from harness.labs.namespace import entry
from harness.labs.namespace.pipe import Answer, Layout, Link, Refused
from harness.labs.processes import Processes, StartedProcess
from harness.labs.specs import check_specs

FIRST_ADDRESS = ipaddress.IPv4Address("10.1.0.1")
MAX_HOSTS = 0xFF00
"""Below the stray class and address at the top of the /16."""


class NamespaceLab:
    """Hosts at 10.1.x.y, their links shaped by the kernel (implements `harness.labs.base.Lab`)."""

    name = "namespace"
    fidelity = "namespace"
    shapes_links = True
    virtual = False

    def __init__(self) -> None:
        self.congestion_control: str | None = None
        self._processes = Processes()
        self._entry: entry.Entry | None = None
        self._holder: Keeper | None = None

    @staticmethod
    def availability() -> Availability:
        """Whether a small lay-out works here, tried for real."""
        return entry.find()[1]

    async def __aenter__(self) -> Self:
        self._entry, available = entry.find()
        if self._entry is None:
            raise SwarmbenchError(f"the namespace lab does not work here: {available.reason}")
        self._holder = await Keeper.start(self._entry.holder_argv())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._processes.stop_all()
        if self._holder is not None:
            await self._holder.close()

    async def lay_out(self, specs: Sequence[HostSpec], *, delay: float = 0.0, loss: float = 0.0) -> list[Host]:
        """Shape the hosts' links; the first spec gets 10.1.0.1, the others follow. Called once."""
        check_specs(specs, MAX_HOSTS)
        assert self._holder is not None, "lay_out comes after entering the lab"
        hosts = [Host(spec.name, str(FIRST_ADDRESS + number), spec.up, spec.down) for number, spec in enumerate(specs)]
        layout = Layout([Link(host.address, host.up, host.down) for host in hosts], delay, loss)
        answer: Answer = msgspec.json.decode(await self._holder.ask(msgspec.json.encode(layout)), type=Answer)
        if isinstance(answer, Refused):
            raise UsageError(answer.reason) if answer.delay else SwarmbenchError(answer.reason)
        self.congestion_control = answer.congestion_control
        return hosts

    async def start(self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> StartedProcess:
        """Start a process inside; it dies with the harness, and its children with the namespace."""
        assert self._entry is not None and self._holder is not None, "start comes after entering the lab"
        if not self._holder.alive:
            raise SwarmbenchError(f"the lab's holder (process {self._holder.pid}) was killed; start the run again")
        return await self._processes.start(self._entry.tie(self._holder.pid), argv, log=log, env=env)
