"""Replaying: a run of the simulated lab is played again, and its course compared with what is on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.analysis.limits import limits
from harness.contenders.catalogue import central
from harness.demand.plan import deadline_s
from harness.demand.virtual import VirtualStep
from harness.errors import SwarmbenchError, UsageError
from harness.labs.simulated.lab import SimulatedLab
from harness.play import intended_starts
from harness.results.run import Run, read_run
from harness.results.schema import Transfer
from harness.results.step import Step, order_steps, step_of


@dataclass(frozen=True, slots=True)
class Replayed:
    """One step that went as recorded."""

    step: Step
    transfers: int


def replay(directory: Path) -> Iterator[Replayed]:
    """Play every finished step again. Raises UsageError for a run of another lab, SwarmbenchError with the first
    difference from what is on record."""
    run = read_run(directory)
    if run.environment is None or run.environment.lab != SimulatedLab.name:
        raise UsageError(f"{directory}: was not run in the simulated lab, and nothing else happens twice")
    for step in order_steps(run.scenario):
        if step not in run.finished:
            continue
        recorded = [transfer for transfer in run.transfers if step_of(transfer) == step]
        found = _play(run, step, [transfer.host for transfer in recorded])
        for then, now in zip(recorded, found, strict=True):
            if difference := _difference(then, now):
                raise SwarmbenchError(f"{directory}: {step}: {then.host} is not as recorded: {difference}")
        yield Replayed(step, len(recorded))


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


def _difference(then: Transfer, now: Transfer) -> str | None:
    for field in msgspec.structs.fields(Transfer):
        was, has = getattr(then, field.name), getattr(now, field.name)
        if was != has:
            return f"{field.name} was {was}, is {has}"
    return None
