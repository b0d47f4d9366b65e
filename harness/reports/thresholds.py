"""The table of a run's thresholds in a terminal: what was asked, what was measured."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.analysis.thresholds import Checked, Reached

STYLES = {Reached.YES: "green", Reached.NO: "bold red", Reached.UNKNOWN: "yellow"}


def print_thresholds(checked: Sequence[Checked], console: Console | None = None) -> None:
    """A row for each threshold at each point; nothing where there are none."""
    if not checked:
        return
    table = Table(title="Thresholds", title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in ("metric", "asked", "at", "measured", ""):
        table.add_column(heading)
    for each in checked:
        asked = f"{each.threshold.comparison}{each.threshold.value:.4g}"
        measured = "nothing" if each.value is None else f"{each.value:.4g}"
        told = Text(each.reached.value, STYLES[each.reached])
        table.add_row(Text(each.threshold.metric), asked, Text(each.point), measured, told)
    (console or Console()).print(table)
