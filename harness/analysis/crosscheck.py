"""The same crowds on real links, in virtual time, in the model and in theory: by how much each is off the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.analysis.models.setting import bound_of, crowd_of
from harness.analysis.models.swarm import play
from harness.analysis.scaling import Figure, Metric, Source, value_of
from harness.results.schema import Calibration
from harness.scenarios.model import Scenario

CONTENDER = "swarm"

REAL_PEERS = (2, 4, 8, 16, 32)
LARGE_PEERS = (100, 1000)

TOLERANCE = 0.10
"""By how much simulated may differ from real, and the model from the simulation."""

ROUNDING = 0.01
"""Calibration is as exact as that: what is less below its bound is not below it."""


class Line(msgspec.Struct, frozen=True):
    """Last completions with so many peers, in seconds; None where nobody measured."""

    peers: int
    real: float | None
    simulated: float | None
    model: float
    bound: float

    @property
    def simulated_over_real(self) -> float | None:
        """1 where virtual time tells what real links do."""
        return self.simulated / self.real if self.simulated and self.real else None

    @property
    def model_over_simulated(self) -> float | None:
        """1 where the model tells what the node does."""
        return self.model / self.simulated if self.simulated else None


class Crosscheck(msgspec.Struct, frozen=True):
    """The whole of `crosscheck.json`; `missed` says in a line each which bar was not reached, or could not be told."""

    scenario: str
    real: list[str]
    simulated: list[str]
    lines: list[Line]
    missed: list[str]


def lines(figures: Sequence[Figure], scenario: Scenario, rates: Calibration, seed: int) -> list[Line]:
    """What was measured beside the model and the bound of these links."""

    def line(peers: int) -> Line:
        return Line(
            peers=peers,
            real=value_of(figures, Metric.COMPLETION, CONTENDER, peers, Source.MEASURED),
            simulated=value_of(figures, Metric.COMPLETION, CONTENDER, peers, Source.SIMULATED),
            model=play(crowd_of(scenario, rates, peers), seed).last,
            bound=bound_of(scenario, rates, peers, origin_is_server=False),
        )

    return [line(peers) for peers in (*REAL_PEERS, *LARGE_PEERS)]


def missed(line: Line) -> Iterator[str]:
    """The bars that this number of peers does not reach."""
    if line.peers in REAL_PEERS:
        yield from _off(line.peers, "simulated ÷ real", line.simulated_over_real)
    else:
        yield from _off(line.peers, "model ÷ simulated", line.model_over_simulated)
    for name, value in (("real", line.real), ("simulated", line.simulated), ("model", line.model)):
        if value is not None and value < line.bound * (1 - ROUNDING):
            yield f"{line.peers} peers: {name} is below the bound: {value:.4g} s, not {line.bound:.4g} s at least"


def _off(peers: int, name: str, ratio: float | None) -> Iterator[str]:
    if ratio is None:
        yield f"{peers} peers: {name} cannot be told: no valid run of both"
    elif abs(ratio - 1) > TOLERANCE:
        yield f"{peers} peers: {name} is {ratio:.3f}, more than {TOLERANCE:.0%} off"
