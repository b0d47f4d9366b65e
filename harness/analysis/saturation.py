"""Whether a step says something about the links, or about a machine that could not keep up with them."""

from __future__ import annotations

from collections.abc import Iterable

from harness.results.roles import Role
from harness.results.schema import Sample

SATURATED = 0.8
"""Beyond this share of all cores busy on average, shaped links were seen to fall behind their rates."""

ENOUGH_S = 2.0
"""In shorter steps a moment's work, such as connecting, would count as saturation."""


def saturation(samples: Iterable[Sample], cores: int) -> str | None:
    """Why these samples of one step make its figures invalid, or None."""
    machine = [sample for sample in samples if sample.role == Role.MACHINE]
    last = max(machine, key=lambda sample: sample.at_s, default=None)
    if last is not None and last.backlog_drops > 0:
        return f"the machine was too busy to receive {last.backlog_drops} packets, and dropped them"
    if last is None or last.at_s < ENOUGH_S or last.cpu_s <= SATURATED * cores * last.at_s:
        return None
    return f"the machine was saturated: {last.cpu_s / last.at_s:.1f} of {cores} cores busy"
