"""Panels of a dashboard as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.reports import panel_plots
from harness.reports.images import write_image
from harness.reports.panels import OVER_PEERS, OVER_TIME, Seen


def write_panels(panels: Sequence[Seen], directory: Path, gap_s: float) -> list[Path]:
    """Write one PNG for each panel into an existing directory, and return their paths; raises OSError.

    Lines over time end where nothing is known for longer than `gap_s`.
    """
    paths = []
    for panel in panels:
        path = directory / f"{panel.name}.png"
        write_image(_plot(panel, gap_s), panel.title, panel.title, path)
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
