"""Panels of a dashboard as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import vl_convert

from harness.reports import panel_plots
from harness.reports.images import HEIGHT, SCALE, WIDTH
from harness.reports.panels import OVER_PEERS, OVER_TIME, Seen
from harness.reports.plots import dressed


def write_panels(panels: Sequence[Seen], directory: Path, gap_s: float) -> list[Path]:
    """Write one PNG for each panel into an existing directory, and return their paths; raises OSError.

    Lines over time end where nothing is known for longer than `gap_s`.
    """
    paths = []
    for panel in panels:
        spec = dressed(
            _plot(panel, gap_s).properties(title=panel.title),
            width=WIDTH,
            height=HEIGHT,
            ink="#222222",
            background="white",
            description=panel.title,
        )
        path = directory / f"{panel.name}.png"
        path.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE))
        paths.append(path)
    return paths


def _plot(panel: Seen, gap_s: float) -> Any:
    if not panel.lines:
        return panel_plots.words(panel.empty)
    if panel.kind == OVER_PEERS:
        return panel_plots.over_peers(panel.lines, panel.unit)
    if panel.kind == OVER_TIME:
        return panel_plots.over_time(panel.lines, panel.unit, gap_s)
    return panel_plots.figures(panel.lines, panel.unit)
