"""A preview: what the front dashboard will show of a finished run, asked of a Prometheus and drawn without Grafana."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.metrics.export import record
from harness.observing.loaded import Answer, Loaded, loaded
from harness.observing.observatory import FRONT_PAGE
from harness.observing.panels import Dashboard, Panel, Target, read_dashboard
from harness.reports.panel_images import write_panels
from harness.reports.panels import OVER_PEERS, Asked, Line, Seen, markdown
from harness.results.files import replace_file, writing

PAGE = "preview.md"

GAP = 1.5
"""Of the distance between two points of a line: where the next one is further away, one is missing."""


async def preview(run: Path, source: Path, into: Path) -> Sequence[Seen]:
    """Write pictures and a table of a run's front dashboard into a directory; raises SwarmbenchError.

    The Prometheus that is asked has gone afterwards, with all it kept.
    """
    dashboard, recording = read_dashboard(source / "grafana" / FRONT_PAGE), record(run)
    with tempfile.TemporaryDirectory(prefix="swarmbench-preview-") as directory:
        async with loaded(recording, Path(directory)) as prometheus:
            panels = [await _seen(panel, dashboard, prometheus) for panel in dashboard.panels]
    with writing(into):
        into.mkdir(parents=True, exist_ok=True)
        pictures = write_panels(panels, into, GAP * prometheus.step_s)
    heading = f"{dashboard.title}: {run.resolve().name}"
    replace_file(into / PAGE, markdown(heading, panels, pictures).encode())
    return panels


async def _seen(panel: Panel, dashboard: Dashboard, prometheus: Loaded) -> Seen:
    asked = [await _asked(target, panel, dashboard, prometheus) for target in panel.targets]
    return Seen(panel.type, panel.title, panel.unit, panel.empty, asked)


async def _asked(target: Target, panel: Panel, dashboard: Dashboard, prometheus: Loaded) -> Asked:
    query = dashboard.asked(target, prometheus.span_s)
    found = await (prometheus.at_the_end(query) if target.instant else prometheus.over_time(query))
    if panel.type == OVER_PEERS:
        return Asked(query, _by_peers(found))
    lines = [
        Line(target.name(each.labels), each.labels["contender"], [(at - prometheus.first, y) for at, y in each.figures])
        for each in found
    ]
    return Asked(query, sorted(lines, key=lambda line: line.name))


def _by_peers(found: Sequence[Answer]) -> list[Line]:
    """A line for each contender, through what its series say at the end, in the order of numbers of peers."""
    figures: dict[str, list[tuple[float, float]]] = {}
    for answer in found:
        [(_, value)] = answer.figures
        figures.setdefault(answer.labels["contender"], []).append((float(answer.labels["peers"]), value))
    return [Line(name, name, sorted(points)) for name, points in sorted(figures.items())]
