"""Which variant of its scenario a run is: runs of one name may differ in what is set, and then are not compared."""

from __future__ import annotations

from dataclasses import replace
from hashlib import blake2b

from harness.scenarios.model import Scenario
from harness.scenarios.units import format_size
from harness.scenarios.writing import write_scenario

DIGEST_BYTES = 4


def variant(scenario: Scenario) -> str:
    """A short text, the same for scenarios that deliver or look for the same, in the same way over the same links.

    Who takes part, how many, how often and with which seed is no part of it. It begins with what people tell variants
    apart by, an item's size or the lookups a second; a digest of everything follows.
    """
    alike = replace(
        scenario,
        name="",
        title="",
        description="",
        contenders=(),
        peers=(),
        repeats=1,
        seed=0,
        own=(),
        thresholds=(),
    )
    lookups, size = scenario.lookups, format_size(scenario.content.size).replace(" ", "")
    shown = size if lookups is None else f"{lookups.rate:g}/s"
    return f"{shown}-{blake2b(write_scenario(alike).encode(), digest_size=DIGEST_BYTES).hexdigest()}"
