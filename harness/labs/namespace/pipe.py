"""What the harness and the holder say to each other: one JSON line each way."""

from __future__ import annotations

import msgspec


class Link(msgspec.Struct, frozen=True):
    """One host's link: its address, and its rates in bytes per second on the wire."""

    address: str
    up: float
    down: float


class Layout(msgspec.Struct, frozen=True):
    """The harness's request: these links, and between any two a one-way delay (seconds) and a share of packets lost."""

    links: list[Link]
    delay: float = 0.0
    loss: float = 0.0


class LaidOut(msgspec.Struct, frozen=True, tag=True):
    """The holder's answer when the links are there, with the congestion control that TCP uses between them."""

    congestion_control: str


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The holder's answer when the kernel refused: what it lacks and what to do; `delay` if only that was refused."""

    reason: str
    delay: bool = False


Answer = LaidOut | Refused
