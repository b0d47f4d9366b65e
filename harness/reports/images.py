"""The charts as PNG files, for slides, tickets and READMEs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from harness.reports.drawn import charts_of
from harness.reports.plots import dressed
from harness.results.schema import Summary, Transfer

WIDTH, HEIGHT = 760, 400
SCALE = 2
"""Pixels for each point, so that text stays sharp on dense screens."""


def write_images(summary: Summary, directory: Path, transfers: Sequence[Transfer] = ()) -> list[Path]:
    """Write one PNG for each chart into an existing directory, and return their paths; raises OSError."""
    paths = []
    for chart in charts_of(summary, transfers):
        path = directory / f"{chart.name}.png"
        write_image(chart.plot, chart.heading, chart.description, path)
        paths.append(path)
    return paths


def write_image(plot: Any, heading: str, description: str, path: Path) -> None:
    """Write a plot as PNG, on white; raises OSError."""
    spec = dressed(
        plot.properties(title=heading),
        width=WIDTH,
        height=HEIGHT,
        ink="#222222",
        background="white",
        description=description,
    )
    path.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))
