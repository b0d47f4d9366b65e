"""The seam between the harness and the place where hosts live.

A lab is an async context manager. It yields hosts, each with an address, an uplink and a downlink, starts processes
among them, and leaves no trace when it closes – also when the harness is killed. Everything that touches links or
processes goes through here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

SERVER = "server"
"""Name of the one host that the origin (server, tracker, seed) lives on."""


@dataclass(frozen=True, slots=True)
class HostSpec:
    """A host to lay out: its name, and its link's rates in bytes per second on the wire."""

    name: str
    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Host:
    """A host of a lab: an IPv4 address with an uplink and a downlink in bytes per second on the wire."""

    name: str
    address: str
    up: float
    down: float


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a lab works on this machine, and if not, why and what to do."""

    usable: bool
    reason: str


class Process(Protocol):
    """A process that a lab started; it dies with the harness."""

    @property
    def pid(self) -> int:
        """Its process id, as seen by the harness."""
        ...

    @property
    def returncode(self) -> int | None:
        """Its exit code, or None while it runs."""
        ...

    async def wait(self) -> int:
        """Wait for the end; returns the exit code."""
        ...

    async def stop(self, grace_s: float = 3.0) -> None:
        """Ask it to end (SIGTERM), then make it (SIGKILL); returns when it is gone."""
        ...


class Lab(Protocol):
    """Where hosts live. `fidelity` is stamped on every result; like is compared only with like."""

    name: str
    fidelity: str
    shapes_links: bool
    """True when the lab itself holds hosts to their rates; false when contenders must cap themselves."""
    virtual: bool
    """True where time, bytes and programs are simulated, and nothing can be started."""
    congestion_control: str | None
    """What TCP uses between the hosts, such as `reno`; None before `lay_out` or where nobody can say."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc_info: object) -> None: ...

    async def lay_out(self, specs: Sequence[HostSpec], *, delay: float = 0.0, loss: float = 0.0) -> list[Host]:
        """Create the hosts, in order; called once.

        `delay` is in seconds, one way, between any two hosts; `loss` is the share of packets that get lost.

        Raises UsageError for a delay or loss that this machine cannot give, SwarmbenchError where the lab cannot carry
        the hosts.
        """
        ...

    async def start(self, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None) -> Process:
        """Start a process that can bind the hosts' addresses; its output is appended to `log`.

        `env` is added to the harness's own environment. The process leads a session of its own, so that Ctrl-C reaches
        the harness alone. Raises UsageError when there is no such command.
        """
        ...
