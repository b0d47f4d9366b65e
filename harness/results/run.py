"""A run read back from its directory, whether it finished, was interrupted, or is still going on."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import UsageError
from harness.results.files import read_lines, read_record
from harness.results.schema import Beginning, Environment, Lookup, NodeFigures, Sample, Summary, Transfer
from harness.results.step import Step, finished_steps, step_of
from harness.scenarios.model import Scenario
from harness.scenarios.reading import read_scenario

SCENARIO = "scenario.toml"
ENVIRONMENT = "environment.json"
TRANSFERS = "transfers.jsonl"
LOOKUPS = "lookups.jsonl"
NODES = "nodes.jsonl"
SAMPLES = "samples.jsonl"
STEPS = "steps.jsonl"
SUMMARY = "summary.json"


@dataclass(frozen=True, slots=True)
class Run:
    """What a run directory holds; the records of finished steps only."""

    directory: Path
    scenario: Scenario
    environment: Environment | None
    transfers: list[Transfer]
    samples: list[Sample]
    lookups: list[Lookup]
    nodes: list[NodeFigures]
    summary: Summary | None
    beginnings: list[Beginning] = field(default_factory=list)
    """None of steps that an earlier version has played."""

    @property
    def finished(self) -> set[Step]:
        """The steps that are on record whole."""
        return finished_steps([*self.transfers, *self.lookups], self.scenario)


def read_run(directory: Path) -> Run:
    """The run in a directory; raises SwarmbenchError when there is none, or a record is damaged."""
    if not (directory / SCENARIO).is_file():
        raise UsageError(f"{directory}: not a run directory (it has no {SCENARIO}); runs are made by: swarmbench run")
    scenario = read_scenario(directory / SCENARIO)
    transfers, lookups = read_lines(directory / TRANSFERS, Transfer), read_lines(directory / LOOKUPS, Lookup)
    finished = finished_steps([*transfers, *lookups], scenario)
    return Run(
        directory=directory,
        scenario=scenario,
        environment=read_record(directory / ENVIRONMENT, Environment),
        transfers=[transfer for transfer in transfers if step_of(transfer) in finished],
        samples=[sample for sample in read_lines(directory / SAMPLES, Sample) if step_of(sample) in finished],
        lookups=[lookup for lookup in lookups if step_of(lookup) in finished],
        nodes=[node for node in read_lines(directory / NODES, NodeFigures) if step_of(node) in finished],
        summary=read_record(directory / SUMMARY, Summary),
        beginnings=[each for each in read_lines(directory / STEPS, Beginning) if step_of(each) in finished],
    )
