"""The calibration as a table: each link's nominal rate, what headers leave of it, and what was measured."""

from __future__ import annotations

from rich import box
from rich.table import Table

from harness.reports.figures import NOTHING
from harness.results.schema import Calibration
from harness.scenarios.units import format_rate

HEADINGS = ("link", "direction", "flows", "nominal", "expected", "measured", "off by", "fairness")


def cells(calibration: Calibration) -> list[tuple[str, ...]]:
    """A row for each figure, under HEADINGS."""
    return [
        (
            link.link,
            link.direction,
            str(link.flows),
            format_rate(link.nominal),
            format_rate(link.expected),
            format_rate(link.measured),
            f"{link.error:+.2%}",
            NOTHING if link.fairness_jain is None else f"{link.fairness_jain:.3f}",
        )
        for link in calibration.links
    ]


def table(calibration: Calibration, title: str) -> Table:
    """The same for a terminal."""
    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in HEADINGS:
        made.add_column(heading, justify="left" if heading in ("link", "direction") else "right", no_wrap=True)
    for row in cells(calibration):
        made.add_row(*row)
    return made
