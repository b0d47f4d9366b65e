"""Rules for what passes between hosts, in the style of turmoil: pass it, delay it, or drop it.

A rule is asked about each message of a stream and each datagram, when it has left its uplink. The first that does not
let it pass decides. A datagram that is dropped is lost; a stream's message is held, as TCP sends it again and again,
until no rule drops it any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

Host: TypeAlias = str
"""A host's IP address."""


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing happens to it."""


@dataclass(frozen=True, slots=True)
class Delay:
    """It takes so many seconds more."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drop:
    """It does not arrive."""


Verdict: TypeAlias = Pass | Delay | Drop

PASS, DROP = Pass(), Drop()

Rule: TypeAlias = Callable[[Host, Host], Verdict]
"""Judges what goes from the first host to the second."""


def partition(side: Collection[Host]) -> Rule:
    """Nothing passes between these hosts and all others."""
    inside = frozenset(side)

    def judge(source: Host, to: Host) -> Verdict:
        return DROP if (source in inside) != (to in inside) else PASS

    return judge


def slow(hosts: Collection[Host], seconds: float) -> Rule:
    """What these hosts send takes so much longer."""
    those = frozenset(hosts)
    late = Delay(seconds)

    def judge(source: Host, _to: Host) -> Verdict:
        return late if source in those else PASS

    return judge


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to datagrams by chance, each as a share of them: lost, altered in one bit, sent twice, or late by
    up to `late_s` seconds, so that others overtake them."""

    loss: float = 0.0
    corruption: float = 0.0
    duplication: float = 0.0
    lateness: float = 0.0
    late_s: float = 0.05


FAIR = Weather()
