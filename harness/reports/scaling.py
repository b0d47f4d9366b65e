"""Figures from one peer to a million, as tables for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from harness.analysis.scaling import Figure, Metric, Ratio, Source, ratios, value_of
from harness.reports.figures import NOTHING, number
from harness.reports.terminal import wide_console

Cells = Sequence[str]

TITLES = {
    Metric.COMPLETION: "Seconds until the last peer has it",
    Metric.ORIGIN: "MiB that the origin sends",
    Metric.MESSAGES: "Messages in the whole network for one lookup",
    Metric.HOPS: "Hops of a lookup that succeeds",
    Metric.SUCCESS: "Share of lookups that succeed, for what one node has",
}
"""In reading order."""

MIB = 2**20


def print_scaling(figures: Sequence[Figure], console: Console | None = None) -> None:
    """Print a table for each metric: who told what, and the ratios between neighbouring sources."""
    console = console or wide_console()
    for metric, title in TITLES.items():
        chosen = [figure for figure in figures if figure.metric is metric]
        if chosen:
            sources = [source for source in Source if any(figure.source is source for figure in chosen)]
            print_table(title, ("peers", "contender", *sources, "ratios"), _rows(chosen, sources), console)


def _rows(figures: Sequence[Figure], sources: Sequence[Source]) -> Iterable[Cells]:
    between = ratios(figures)
    for peers, contender in sorted({(figure.peers, figure.contender) for figure in figures}):
        values = [
            shown(value_of(figures, figures[0].metric, contender, peers, source), figures[0].metric)
            for source in sources
        ]
        told = [_told(each) for each in between if (each.peers, each.contender) == (peers, contender)]
        yield f"{peers:,}", contender, *map(number, values), ", ".join(told)


def shown(value: float | None, metric: Metric) -> float | None:
    """In the unit of the title."""
    return value / MIB if value is not None and metric is Metric.ORIGIN else value


def _told(ratio: Ratio) -> str:
    return f"{ratio.over}/{ratio.under} {ratio.ratio:.3f}"


def print_table(title: str, headings: Cells, rows: Iterable[Cells], console: Console) -> None:
    """Print cells in columns; words are aligned left, figures right."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in ("contender", "ratios") else "right")
    for row in rows:
        table.add_row(*row)
    console.print(table)


def markdown(headings: Cells, rows: Iterable[Cells]) -> str:
    """The same as a table of Markdown."""
    lines = [headings, ["---:"] * len(headings), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def optional(value: float | None, form: str) -> str:
    """A figure in this form, or what stands where there is none."""
    return NOTHING if value is None else format(value, form)
