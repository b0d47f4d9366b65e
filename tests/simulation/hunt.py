"""The hunt: plays swarms by their seeds, and tells what broke."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tests.fuzz.batch import TooSlow, cpu_time
from tests.simulation.judges import look, look_back
from tests.simulation.plans import draw
from tests.simulation.stage import Broken, Stage

SWARM_CPU_S = 20.0
"""CPU time that a swarm may take; most need some hundredths of a second."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A swarm in which something broke."""

    seed: int
    problem: str
    trace: tuple[tuple[float, str], ...]
    """What happened in it, by virtual second."""

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.problem}; replay: python -m tests.simulation --seed {self.seed}"


def play(seed: int) -> tuple[Stage, Finding | None]:
    """Play the swarm of this seed to its end."""
    stage = Stage(draw(seed), look)
    try:
        with cpu_time(SWARM_CPU_S):
            stage.play()
            look_back(stage)
    except Broken as broken:
        return stage, Finding(seed, str(broken), tuple(stage.trace))
    except (Exception, TooSlow) as error:
        return stage, Finding(seed, f"{type(error).__name__}: {error}", tuple(stage.trace))
    return stage, None


def hunt(seeds: Iterable[int]) -> list[Finding]:
    """What breaks in the swarms of these seeds."""
    return [finding for seed in seeds if (finding := play(seed)[1]) is not None]
