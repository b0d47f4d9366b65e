"""Change points of a history, by Apache Otava where it is installed: advice on where to look, never a verdict.

Otava is run as a command: it pins other versions of our dependencies, and brings clients of databases and chats along.
Source: M. Fleming et al., "Hunter: Using Change Point Detection to Hunt for Performance Regressions", ICPE 2023.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from harness.errors import SwarmbenchError
from harness.gate.history import ChangePoint, Series

PROGRAM = "otava"

INSTALL = "pipx install apache-otava"
"""Into an environment of its own."""

FEWEST = 5
"""Of a shorter course nothing can be told."""

OTAVA_S = 120.0
"""More than ten thousand gates take; then it hangs."""


def otava() -> str | None:
    """Where the program is, or None."""
    return shutil.which(PROGRAM)


async def change_points(series: Sequence[Series], program: str) -> list[ChangePoint]:
    """What Otava finds, with its own defaults; raises SwarmbenchError when it fails."""
    long_enough = [course for course in series if len(course.points) >= FEWEST]
    if not long_enough:
        return []
    with tempfile.TemporaryDirectory(prefix="history-of-swarmbench-") as name:
        room = Path(name)
        for number, course in enumerate(long_enough):
            (room / f"{number}.csv").write_text(_table(course), encoding="utf-8")
        config = room / "otava.yaml"  # JSON is YAML
        config.write_text(json.dumps({"tests": {_name(n): _test(room, n) for n in range(len(long_enough))}}))
        names = [_name(number) for number in range(len(long_enough))]
        told = await _run([program, "analyze", *names, "--output", "json", "--since", "2000-01-01"], config)
    found: list[ChangePoint] = []
    try:
        for line in filter(None, told.splitlines()):
            for test, changes in json.loads(line).items():
                found += _changes(long_enough[int(test.removeprefix("series-"))], changes)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise SwarmbenchError(f"{program}: says what nobody understands ({error}); use Apache Otava 0.8") from None
    return found


def _name(number: int) -> str:
    return f"series-{number}"


def _table(course: Series) -> str:
    """A line a gate; the revision is its number, as the same may come twice."""
    times = (int(datetime.fromisoformat(point.at).timestamp()) for point in course.points)
    rows = zip(times, course.points, strict=True)
    return "time\tgate\tfigure\n" + "".join(f"{at}\t{n}\t{point.value!r}\n" for n, (at, point) in enumerate(rows))


def _test(room: Path, number: int) -> Mapping[str, Any]:
    return {
        "type": "csv",
        "file": str(room / f"{number}.csv"),
        "time_column": "time",
        "attributes": ["gate"],
        "metrics": {"figure": {"column": "figure", "direction": 1}},
        "csv_options": {"delimiter": "\t"},
    }


def _changes(course: Series, changes: Sequence[Mapping[str, Any]]) -> list[ChangePoint]:
    found = []
    for change in changes:
        point = course.points[int(change["attributes"]["gate"])]
        share = float(change["changes"][0]["mean_after"]) / float(change["changes"][0]["mean_before"]) - 1
        found.append(ChangePoint(course, point.revision, point.at, share))
    return found


async def _run(command: Sequence[str], config: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"OTAVA_CONFIG": str(config)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        told, complaint = await asyncio.wait_for(process.communicate(), OTAVA_S)
    except TimeoutError:
        raise SwarmbenchError(f"{command[0]}: not done after {OTAVA_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        last = (complaint.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        raise SwarmbenchError(f"{command[0]}: exit code {process.returncode}: {last}")
    return told.decode(errors="replace")
