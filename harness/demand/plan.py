"""When each peer wants the item: a pure function of the demand, the number of peers and a seed.

Both sides of a comparison replay the same plan. Offsets are seconds after the first peer's, which is at 0.
"""

from __future__ import annotations

from random import Random

from harness.results.step import Step
from harness.scenarios.model import Arrival, Demand

SHORTEST_DEADLINE_S = 60.0
BOUNDS_PER_DEADLINE = 5
"""A transfer is given up after this many times the bound, but never before a minute: slow is a result, stuck is not."""


def deadline_s(bound_s: float | None) -> float:
    """When a transfer is given up, in seconds after its intended start; None where no theory applies."""
    return max(SHORTEST_DEADLINE_S, BOUNDS_PER_DEADLINE * (bound_s or 0.0))


def given_up(patience_s: float) -> str:
    """What is on record of a wish that was not fulfilled so many seconds after its intended start."""
    return f"given up: not done {patience_s:.0f} s after its intended start"


def plan_arrivals(demand: Demand, peers: int, rng: Random) -> list[float]:
    """The intended starts of that many peers, in order, from 0 and within `demand.over`.

    - flash: all at 0;
    - ramp: evenly, `over / peers` apart;
    - poisson: one at 0 and the others uniform over `over`, which is how a Poisson process's arrivals lie once their
      number is given.
    """
    match demand.arrival:
        case Arrival.FLASH:
            return [0.0] * peers
        case Arrival.RAMP:
            return [demand.over * index / peers for index in range(peers)]
        case Arrival.POISSON:
            return [0.0, *sorted(rng.uniform(0, demand.over) for _ in range(peers - 1))]


def arrivals_rng(seed: int, step: Step) -> Random:
    """The randomness of a step's plan: the same for every contender, another for every repeat and number of peers."""
    return Random(f"arrivals/{seed}/{step.peers}/{step.repeat}")
