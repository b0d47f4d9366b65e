"""What a byte costs: one contender's goodput and CPU as multiples of another's, at equal numbers of peers.

Where links limit, goodput is theirs rather than the contender's; so this is for runs without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analysis.points import Point

SUBJECT = "swarm"
"""Whose figures are told as multiples of the others', where it took part."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The subject's medians divided by another contender's, at one number of peers; CPU is of server and peers."""

    subject: str
    other: str
    peers: int
    goodput: float
    cpu: float | None


def ratios(points: Sequence[Point]) -> list[Ratio]:
    """The subject against every other contender, by number of peers; only valid points count."""
    valid = [point for point in points if point.valid and point.goodput]
    names = list(dict.fromkeys(point.contender for point in valid))
    if not names:
        return []
    subject = SUBJECT if SUBJECT in names else names[0]
    ours = {point.peers: point for point in valid if point.contender == subject}
    return [_ratio(ours[other.peers], other) for other in valid if other.contender != subject and other.peers in ours]


def _ratio(ours: Point, other: Point) -> Ratio:
    assert ours.goodput and other.goodput
    our_cpu, other_cpu = cpu(ours), cpu(other)
    return Ratio(
        subject=ours.contender,
        other=other.contender,
        peers=ours.peers,
        goodput=ours.goodput / other.goodput,
        cpu=our_cpu / other_cpu if our_cpu and other_cpu else None,
    )


def cpu(point: Point) -> float | None:
    """CPU-seconds for each GiB delivered, of the server and all peers together; None where one was not metered."""
    server, peers = point.cpu_s_per_gib.server, point.cpu_s_per_gib.peers
    return None if server is None or peers is None else server + peers
