"""Whether two runs are alike in all that moves their figures besides what is compared."""

from __future__ import annotations

from collections.abc import Iterable

from harness.results.run import Run


def unlike(first: Run, second: Run) -> Iterable[str]:
    """What is not the same and would move the figures; contenders, peers and repeats may differ."""
    ours, theirs = first.scenario, second.scenario
    for name in ("content", "links", "demand", "seed"):
        if getattr(ours, name) != getattr(theirs, name):
            yield f"{name} differ" if name == "links" else f"{name} differs"
    if first.environment is None or second.environment is None:
        return
    here, there = first.environment, second.environment
    for name in ("lab", "machine", "kernel", "congestion_control"):
        if getattr(here, name) != getattr(there, name):
            told = "" if name == "machine" else f" ({getattr(here, name)}, {getattr(there, name)})"
            yield f"the {name.replace('_', ' ')} differs{told}"
