"""`python -m tests.fuzz`: hostile inputs for every decoder, on all cores; a finding is kept as a regression test."""

from __future__ import annotations

import hashlib
import os
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from secrets import randbelow

import click

from tests.fuzz.batch import BATCH, Finding, refused, run_batch
from tests.fuzz.codecs import CODECS

KEPT = Path(__file__).with_name("corpus")
"""One file a finding, CODEC/HASH.hex; `test_fuzz` replays them all."""

CHUNK = 25
"""Batches that a process takes at a time."""

MEMORY = 2 << 30
"""Address space of a process: an input that makes a decoder ask for gigabytes fails there, not the machine."""

_BY_NAME = {codec.name: codec for codec in CODECS}


@click.command()
@click.option("--inputs", default=1_000_000, show_default=True, help="Inputs for each codec.")
@click.option("--seed", type=int, help="Where the inputs come from (default: a new one, printed).")
@click.option("--codec", "names", multiple=True, type=click.Choice(list(_BY_NAME)), help="Only this one; repeatable.")
@click.option("--replay", metavar="HEX|FILE", help="Run this one input through --codec and show what happens.")
def main(inputs: int, seed: int | None, names: tuple[str, ...], replay: str | None) -> None:
    """Fuzz the decoders; exit code 1 when one fails."""
    if replay is not None:
        if len(names) != 1:
            raise click.UsageError("--replay needs one --codec")
        _replay(names[0], replay)
        return
    seed = randbelow(1 << 32) if seed is None else seed
    click.echo(f"seed {seed}, {inputs} inputs for each codec")
    with ProcessPoolExecutor(os.cpu_count(), initializer=_limit_memory) as pool:
        failed = [name for name in names or _BY_NAME if not _fuzz(pool, name, seed, -(-inputs // BATCH))]
    if failed:
        sys.exit(1)


def _fuzz(pool: ProcessPoolExecutor, name: str, seed: int, batches: int) -> bool:
    began = time.monotonic()
    chunks = [range(first, min(first + CHUNK, batches)) for first in range(0, batches, CHUNK)]
    accepted = 0
    findings: list[Finding] = []
    for count, finding in pool.map(partial(_run, name, seed), chunks):
        accepted += count
        findings += [finding] if finding else []
    share = 100 * accepted / (batches * BATCH)
    click.echo(f"{name:16} {batches * BATCH:9} inputs  {share:4.1f} % accepted  {time.monotonic() - began:6.1f} s")
    for finding in {finding.problem: finding for finding in findings}.values():
        _tell(finding, seed)
    return not findings


def _run(name: str, seed: int, chunk: range) -> tuple[int, Finding | None]:
    accepted = 0
    for number in chunk:
        count, finding = run_batch(_BY_NAME[name], seed, number)
        accepted += count
        if finding is not None:
            return accepted, finding
    return accepted, None


def _tell(finding: Finding, seed: int) -> None:
    path = KEPT / finding.codec / f"{hashlib.sha1(finding.data).hexdigest()[:12]}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(finding.data.hex() + "\n")
    click.echo(f"  {finding.codec} fails: {finding.problem}\n  seed {seed}, input {finding.data.hex()}")
    click.echo(f"  replay: python -m tests.fuzz --codec {finding.codec} --replay {path.relative_to(Path.cwd())}")


def _replay(name: str, replay: str) -> None:
    file = Path(replay)
    data = bytes.fromhex(file.read_text() if file.is_file() else replay)
    click.echo(f"{name}: {'refused' if refused(_BY_NAME[name], data) else 'accepted'}")


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main()
