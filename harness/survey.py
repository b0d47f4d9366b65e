"""A survey of this machine's labs: the links that a scenario asks for, laid out and measured, nothing run on them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.analysis.links import off, promise
from harness.bench import host_specs
from harness.labs import catalogue as labs
from harness.labs.calibration import calibrate
from harness.results.schema import Calibration
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A lab and what its links carry."""

    lab: str
    calibration: Calibration

    @property
    def verdict(self) -> str:
        """Whether they carry what they should."""
        limit = promise(self.lab)
        wrong = off(self.calibration.links, limit)
        if not wrong:
            return f"every link is within {limit:.0%} of what is expected"
        told = ", ".join(f"{link.link} {link.direction} by {link.error:+.1%}" for link in wrong)
        return f"off by more than {limit:.0%}: {told}; is the machine busy?"

    @property
    def good(self) -> bool:
        """Whether the verdict is the good one."""
        return not off(self.calibration.links, promise(self.lab))


async def survey(scenario: Scenario, name: str) -> Surveyed:
    """Lay out a scenario's links in the lab of that name and measure them; raises SwarmbenchError."""
    async with labs.choose(name) as lab:
        hosts = await lab.lay_out(host_specs(scenario), delay=scenario.links.delay, loss=scenario.links.loss)
        with tempfile.TemporaryDirectory() as scratch:
            return Surveyed(lab.name, await calibrate(lab, hosts, Path(scratch)))


def usable_labs() -> list[str]:
    """The labs that work on this machine."""
    return [row.name for row in labs.rows() if row.availability.usable]
