"""Replaying: a run of the simulated lab is played again, and its course compared with what is on record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from harness.analysis.limits import limits
from harness.bench import host_specs
from harness.contenders import overlays
from harness.contenders.catalogue import central
from harness.demand.plan import deadline_s
from harness.demand.virtual import VirtualStep
from harness.errors import SwarmbenchError, UsageError
from harness.findings import Findings
from harness.labs.simulated.lab import SimulatedLab
from harness.play import intended_starts
from harness.results.run import Run, read_run
from harness.results.schema import Lookup, NodeFigures, Transfer
from harness.results.step import Step, order_steps, step_of
from harness.searching_virtually import VirtualSearch

_Record: TypeAlias = Transfer | Lookup | NodeFigures


@dataclass(frozen=True, slots=True)
class Replayed:
    """One step that went as recorded."""

    step: Step
    records: str
    """How many of which kind."""


def replay(directory: Path) -> Iterator[Replayed]:
    """Play every finished step again. Raises UsageError for a run of another lab, SwarmbenchError with the first
    difference from what is on record."""
    run = read_run(directory)
    if run.environment is None or run.environment.lab != SimulatedLab.name:
        raise UsageError(f"{directory}: was not run in the simulated lab, and nothing else happens twice")
    for step in order_steps(run.scenario):
        if step not in run.finished:
            continue
        yield Replayed(step, _replayed(run, step))


def _replayed(run: Run, step: Step) -> str:
    if run.scenario.lookups is not None:
        lookups = [lookup for lookup in run.lookups if step_of(lookup) == step]
        nodes = [node for node in run.nodes if step_of(node) == step]
        found = _search(run, step)
        _compare(run, step, lookups, found.lookups)
        _compare(run, step, nodes, found.nodes)
        return f"{len(lookups)} lookups"
    transfers = [transfer for transfer in run.transfers if step_of(transfer) == step]
    _compare(run, step, transfers, _play(run, step, [transfer.host for transfer in transfers]))
    return f"{len(transfers)} transfers"


def _search(run: Run, step: Step) -> Findings:
    overlay = overlays.choose(run.scenario)[step.contender]
    names = [spec.name for spec in host_specs(run.scenario)[1 : 1 + step.peers]]
    virtual = VirtualSearch(run.scenario, overlay, step, names)
    for _ in virtual.go_on():
        pass
    return virtual.findings(began=0.0)


def _play(run: Run, step: Step, hosts: list[str]) -> list[Transfer]:
    arrivals = intended_starts(run.scenario, step)
    rates = run.environment.calibration if run.environment else None
    bound_s = None
    if rates is not None:
        origin_is_server = step.contender in central(run.scenario.own)
        bound_s = limits(run.scenario, arrivals, rates, origin_is_server=origin_is_server).completion_s
    virtual = VirtualStep(run.scenario, step, arrivals, deadline_s(bound_s))
    for _ in virtual.go_on():
        pass
    return virtual.transfers(hosts)


def _compare(run: Run, step: Step, recorded: Sequence[_Record], found: Sequence[_Record]) -> None:
    """Raise SwarmbenchError with the first difference."""
    for then, now in zip(recorded, found, strict=True):
        for field in msgspec.structs.fields(then):
            was, has = getattr(then, field.name), getattr(now, field.name)
            if was != has:
                who = then.host if isinstance(then, Transfer) else then.node
                raise SwarmbenchError(
                    f"{run.directory}: {step}: {who} is not as recorded: {field.name} was {was}, is {has}"
                )
