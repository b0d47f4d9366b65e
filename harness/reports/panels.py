"""Panels of a dashboard as they were seen: what was asked, what was found, and that in words.

The rule: a panel without data says so in its own words.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from harness.reports.terminal import WIDTH

OVER_TIME, OVER_PEERS, FIGURES = "timeseries", "trend", "stat"
"""Grafana's names of the kinds of panel that can be drawn."""

LONGEST_QUERY = 400
"""Characters of a query in the terminal, where the rest is cut off; the Markdown has all of them."""

_SI = ("", "k", "M", "G", "T")
_IEC = ("", "Ki", "Mi", "Gi", "Ti")


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a panel; `name` is the legend's, and its figures are by seconds, or by numbers of peers."""

    name: str
    contender: str
    figures: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of a panel, and what it found."""

    query: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Seen:
    """A panel, and what its queries found; `empty` stands where that is nothing."""

    kind: str
    title: str
    unit: str
    empty: str
    asked: Sequence[Asked]

    @property
    def lines(self) -> list[Line]:
        """Of all its queries."""
        return [line for each in self.asked for line in each.lines]

    @property
    def name(self) -> str:
        """Good for a file."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    def told(self, asked: Asked) -> str:
        """What one of its queries found, in words."""
        if not asked.lines:
            return f"nothing: {self.empty}"
        return "; ".join(f"{line.name} {self._told(line)}" for line in asked.lines)

    def _told(self, line: Line) -> str:
        values = [figure(value, self.unit) for _, value in line.figures]
        if self.kind == OVER_PEERS:
            pairs = zip(line.figures, values, strict=True)
            return ", ".join(f"{value} at {peers:g}" for (peers, _), value in pairs)
        if self.kind == OVER_TIME:
            return f"up to {figure(max(value for _, value in line.figures), self.unit)}"
        return values[-1]


def print_panels(panels: Sequence[Seen]) -> None:
    """Print a line for each query: the panel, what was asked, what was found."""
    table = Table("panel", "query", "value", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.columns[1].no_wrap = True  # it would fill the screen, and is in the Markdown
    table.columns[1].max_width = WIDTH // 4
    for title, query, value in _rows(panels):
        table.add_row(escape(title), escape(query[:LONGEST_QUERY]), escape(value))
    console = Console()
    (console if console.is_terminal else Console(width=WIDTH)).print(table)


def markdown(heading: str, panels: Sequence[Seen], pictures: Sequence[Path]) -> str:
    """The same as a page, with the pictures that lie beside it."""
    rows = [f"| {title} | `{_cell(query)}` | {_cell(value)} |" for title, query, value in _rows(panels)]
    shown = [f"![{seen.title}]({path.name})" for seen, path in zip(panels, pictures, strict=True)]
    table = ["| panel | query | value |", "| --- | --- | --- |", *rows]
    return "\n".join([f"# {heading}", "", *table, "", *shown]) + "\n"


def figure(value: float, unit: str) -> str:
    """A figure with its unit, as Grafana names it, to three digits."""
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "bytes":
        return f"{_scaled(value, 1024, _IEC)}B"
    if unit == "Bps":
        return f"{_scaled(value, 1000, _SI)}B/s"
    return f"{value:.3g} {unit.removeprefix('suffix:')}" if unit != "none" else f"{value:.3g}"


def _rows(panels: Sequence[Seen]) -> Iterator[tuple[str, str, str]]:
    for panel in panels:
        for asked in panel.asked:
            yield panel.title, asked.query, panel.told(asked)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _scaled(value: float, base: int, prefixes: Sequence[str]) -> str:
    """Within what its prefix is good for: 999 stays, 1000 is 1 k."""
    power = min(len(prefixes) - 1, max(0, math.floor(math.log(abs(value), base) + 1e-9))) if value else 0
    return f"{value / base**power:.3g} {prefixes[power]}"
