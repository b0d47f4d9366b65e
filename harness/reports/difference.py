"""Two runs compared, as a table for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.analysis.difference import Difference, Verdict
from harness.reports.figures import NOTHING, number
from harness.reports.terminal import WIDTH


def print_differences(found: Sequence[Difference]) -> None:
    """Print a line for each figure, and how many differ."""
    table = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in ("peers", "contender", "figure", "A", "B", "B/A", "interval", "verdict"):
        words = heading in ("contender", "figure", "verdict")
        table.add_column(heading, justify="left" if words else "right", no_wrap=heading != "verdict")
    for each in found:
        interval = f"{each.interval.low:.3f}–{each.interval.high:.3f}" if each.interval else NOTHING
        ratio = NOTHING if each.ratio is None else f"{each.ratio:.3f}"
        cells = (str(each.peers), each.contender, each.figure, number(each.first), number(each.second), ratio, interval)
        table.add_row(*map(escape, cells), each.told)
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)
    differing = sum(each.verdict in (Verdict.LESS, Verdict.MORE) for each in found)
    unknown = sum(each.verdict is Verdict.UNKNOWN for each in found)
    told = f"{differing} of {len(found)} figures differ" if differing else "No difference was found"
    print(f"{told}{f'; {unknown} cannot be told' if unknown else ''}.")
