"""`python -m tests.simulation`: swarms with faults by the thousand, on all cores; what breaks is told by its seed."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import click

from tests.simulation.hunt import Finding, hunt, play

KEPT = Path(__file__).with_name("seeds.txt")
"""Seeds that once broke something, one a line with what it was; `test_hunt` plays them all."""

CHUNK = 50
"""Swarms that a process plays at a time."""

SHOWN = 30
"""Lines of a trace that are shown from its beginning, and from its end."""


@click.command()
@click.option("--seeds", default=10_000, show_default=True, help="How many swarms to play.")
@click.option("--from", "first", default=0, show_default=True, help="The first seed.")
@click.option("--seed", type=int, help="Play only this one, and show what happens.")
@click.option("--jobs", default=os.cpu_count(), show_default=True, help="Processes to share the work.")
def main(seeds: int, first: int, seed: int | None, jobs: int) -> None:
    """Play swarms in which things go wrong; exit code 1 when something that must hold does not."""
    if seed is not None:
        sys.exit(_replay(seed))
    began = time.monotonic()
    findings: list[Finding] = []
    for finding in _hunt_everywhere(range(first, first + seeds), jobs):
        click.echo(str(finding))
        findings.append(finding)
    click.echo(f"{seeds} swarms from seed {first}: {len(findings) or 'none'} broke; {time.monotonic() - began:.0f} s")
    if findings:
        click.echo(f"keep what is mended as a line of {KEPT.relative_to(Path.cwd())}: SEED  what it was")
        sys.exit(1)


def _hunt_everywhere(seeds: range, jobs: int) -> Iterator[Finding]:
    chunks = [seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(jobs, initializer=_collect_seldom) as pool:
        for done in as_completed([pool.submit(hunt, chunk) for chunk in chunks]):
            yield from done.result()


def _collect_seldom() -> None:
    """Let garbage gather: swarms are small, and looking for it ever so often takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(50_000)


def _replay(seed: int) -> int:
    stage, finding = play(seed)
    plan = stage.plan
    click.echo(
        f"{len(plan.members)} peers, {stage.metainfo.piece_count} pieces, {plan.size} bytes, {plan.meeting}, "
        f"{len(plan.faults)} faults, {plan.delay_s * 1000:.1f} ms"
    )
    lines = [f"{when:9.3f} s  {what}" for when, what in stage.trace]
    if len(lines) > 2 * SHOWN:
        lines[SHOWN:-SHOWN] = [f"           … {len(lines) - 2 * SHOWN} lines more"]
    click.echo("\n".join(lines))
    click.echo(str(finding) if finding is not None else f"seed {seed}: everything held, to t = {stage.clock.now:.1f} s")
    return 1 if finding is not None else 0


if __name__ == "__main__":
    main()
