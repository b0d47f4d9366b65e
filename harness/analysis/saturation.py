"""Whether a step says something about the links, or about a machine that could not keep up with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.results.roles import Role
from harness.results.schema import Sample

SATURATED = 0.8
"""Beyond this share of all cores busy, shaped links were seen to fall behind their rates."""

TOLERATED = 0.1
"""The share of a step in which that may be."""

ENOUGH_S = 2.0
"""Less than this in all is a moment's work, such as connecting, and no saturation."""


def saturation(samples: Iterable[Sample], cores: int) -> str | None:
    """Why these samples of one step make its figures invalid, or None."""
    machine = sorted((sample for sample in samples if sample.role == Role.MACHINE), key=lambda sample: sample.at_s)
    if not machine:
        return None
    last = machine[-1]
    if last.backlog_drops > 0:
        return f"the machine was too busy to receive {last.backlog_drops} packets, and dropped them"
    busy_s = sum(_saturated_s(machine, cores))
    if busy_s < ENOUGH_S or busy_s <= TOLERATED * last.at_s:
        return None
    much = f"more than {SATURATED * cores:.1f} of {cores} cores"
    return f"the machine was saturated: {much} busy for {busy_s / last.at_s:.0%} of the step"


def _saturated_s(machine: Sequence[Sample], cores: int) -> Iterable[float]:
    """The lengths, in seconds, of the times between samples in which the cores were too busy."""
    at_s = cpu_s = 0.0
    for sample in machine:
        if sample.cpu_s - cpu_s > SATURATED * cores * (sample.at_s - at_s):
            yield sample.at_s - at_s
        at_s, cpu_s = sample.at_s, sample.cpu_s
