"""The table and the verdict in the terminal, or in whatever its output is redirected to."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text

from harness.reports.figures import Room
from harness.reports.shown import Shown, shown
from harness.results.schema import Summary

WIDTH = 110
"""Columns to print where the output is no terminal, and so has no width of its own: all of the table fits."""

_INVALID = Style(dim=True, strike=True)


def print_summary(summary: Summary, console: Console | None = None) -> None:
    """Print the verdict below the table of points; invalid ones struck through, their reasons beneath."""
    console = console or wide_console()
    what = shown(summary)
    console.print(_widest_that_fits(console, summary, what))
    for reason in what.reasons:
        console.print(Text("invalid  ", style="red").append(_printable(reason), style="dim"))
    if not summary.complete:
        console.print(Text("The run is not complete: steps are missing.", style="yellow"))
    console.print(Text(_printable(what.verdict), style="bold"))


def wide_console() -> Console:
    """One that tables fit on also where its output is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, WIDTH))


def _widest_that_fits(console: Console, summary: Summary, what: Shown) -> Table:
    for room in (Room.WIDE, Room.MEDIUM):
        table = _table(summary, what, room)
        if Measurement.get(console, console.options.update(width=10_000), table).maximum <= console.width:
            return table
    return _table(summary, what, Room.NARROW)


def _table(summary: Summary, what: Shown, room: Room) -> Table:
    columns, measured = what.columns(room), what.points
    title = f"{summary.title} · {summary.lab} lab · medians over repeats"
    table = Table(title=Text(_printable(title)), title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for column in columns:
        table.add_column(column.heading, justify="right" if column.numeric else "left", no_wrap=True)
    for i, point in enumerate(measured):
        last_of_its_kind = i + 1 < len(measured) and measured[i + 1].group != point.group
        cells = [Text(_printable(column.cell(point))) for column in columns]
        table.add_row(*cells, style=None if point.valid else _INVALID, end_section=last_of_its_kind)
    return table


def _printable(text: str) -> str:
    """Without control characters: what a contender reports must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
