"""The summary of a run, derived anew from its raw records whenever they have grown."""

from __future__ import annotations

from collections.abc import Collection

from harness.analysis.limits import limits
from harness.analysis.links import distrust
from harness.analysis.lookups import lookup_rows
from harness.analysis.repeats import repeats
from harness.analysis.rows import summarize
from harness.analysis.saturation import saturation
from harness.results.run import Run
from harness.results.schema import Environment, Row, Summary
from harness.results.step import Step, order_steps, step_of

SCHEMA = 1
"""Of summary.json; it rises when a field changes its meaning."""


def summarize_run(run: Run, environment: Environment, central: Collection[str]) -> Summary:
    """The rows of all finished steps, in the order of play; `central` names contenders that serve from one server."""
    steps = order_steps(run.scenario)
    finished = run.finished
    rows = [
        _row(run, environment, step, step.contender in central)
        for step in steps
        if step in finished and run.scenario.lookups is None
    ]
    return Summary(
        schema=SCHEMA,
        scenario=run.scenario.name,
        title=run.scenario.title,
        lab=environment.lab,
        complete=finished.issuperset(steps),
        rows=rows,
        lookup_rows=lookup_rows(run, environment) if run.scenario.lookups else [],
        repeats=repeats(rows),
    )


def _row(run: Run, environment: Environment, step: Step, origin_is_server: bool) -> Row:
    transfers = [transfer for transfer in run.transfers if step_of(transfer) == step]
    samples = [sample for sample in run.samples if step_of(sample) == step]
    arrivals = [transfer.intended_s for transfer in transfers]
    rates = environment.calibration
    # Without links the processors are what is measured, and busy they shall be.
    theory = limits(run.scenario, arrivals, rates, origin_is_server=origin_is_server) if rates else None
    saturated = saturation(samples, int(environment.machine["cores"])) if rates else None
    # Delay and loss keep TCP from filling a link in the moment that calibration has.
    perfect = not run.scenario.links.delay and not run.scenario.links.loss
    distrusted = distrust(rates, environment.lab) if rates and perfect else None
    return summarize(
        step,
        transfers,
        samples,
        bound_s=theory.completion_s if theory else None,
        lab=environment.lab,
        size=run.scenario.content.size,
        own_bounds_s=theory.own_s if theory else None,
        reasons=[reason for reason in (distrusted, saturated) if reason],
    )
