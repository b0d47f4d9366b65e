"""The simulated lab as others see it: it lays out hosts, and starts no programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from harness.errors import UsageError
from harness.labs.base import Availability, Host, HostSpec, Process
from harness.labs.simulated.hosts import address_of
from harness.labs.specs import check_specs

MAX_HOSTS = 2**16 - 2


class SimulatedLab:
    """Hosts in virtual time (implements `harness.labs.base.Lab`)."""

    name = "simulated"
    fidelity = "simulated"
    shapes_links = True
    virtual = True

    def __init__(self) -> None:
        self.congestion_control: str | None = None

    @staticmethod
    def availability() -> Availability:
        """It needs nothing."""
        return Availability(True, "always works: the node's core in virtual time, on links that are computed")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        return

    async def lay_out(self, specs: Sequence[HostSpec], *, delay: float = 0.0, loss: float = 0.0) -> list[Host]:
        """Name the hosts; each step makes them anew, in the same order."""
        check_specs(specs, MAX_HOSTS, shaped=False, idle=True)
        return [Host(spec.name, address_of(number), spec.up, spec.down) for number, spec in enumerate(specs, start=1)]

    async def start(self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Raises UsageError: there are no processes here."""
        raise UsageError("the simulated lab runs no programs; use --lab namespace or --lab loopback")
