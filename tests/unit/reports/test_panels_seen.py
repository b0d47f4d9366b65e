"""Panels of a dashboard in words and pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.reports.panel_images import write_panels
from harness.reports.panel_plots import over_time
from harness.reports.panels import FIGURES, OVER_PEERS, OVER_TIME, Asked, Line, Seen, figure, markdown

HTTP = Line("http", "http", [(1, 1e6), (4, 2.5e6)])


def seen(kind: str, *lines: Line, title: str = "Goodput, now") -> Seen:
    return Seen(kind, title, "Bps", "no step was under way", [Asked("a|b", lines)])


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0, "Bps", "0 B/s"),
        (4_770_000, "Bps", "4.77 MB/s"),
        (6 * 2**20, "bytes", "6 MiB"),
        (1000, "Bps", "1 kB/s"),
        (0.973, "percentunit", "97.3 %"),
        (1.6, "s", "1.6 s"),
        (2, "suffix:peers", "2 peers"),
        (3, "none", "3"),
    ],
)
def test_figures_have_units(value: float, unit: str, words: str) -> None:
    """As people write them."""
    assert figure(value, unit) == words


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OVER_PEERS, "http 1 MB/s at 1, 2.5 MB/s at 4"),
        (OVER_TIME, "http up to 2.5 MB/s"),
        (FIGURES, "http 2.5 MB/s"),
    ],
)
def test_a_panel_is_told_by_its_kind(kind: str, words: str) -> None:
    """Each number of peers, the most over time, or the last figure."""
    panel = seen(kind, HTTP)
    assert panel.told(panel.asked[0]) == words


def test_a_panel_without_data_says_why() -> None:
    """In its own words, which its picture has, too."""
    panel = seen(OVER_TIME)
    page = markdown("A run", [panel], [Path("goodput-now.png")])
    assert "| Goodput, now | `a\\|b` | nothing: no step was under way |" in page
    assert "![Goodput, now](goodput-now.png)" in page


def test_lines_end_where_nothing_is_known() -> None:
    """What comes after a gap is another stretch."""
    line = Line("swarm p50", "swarm", [(0, 1), (1, 1), (5, 2)])
    drawn = over_time([line], "s", gap_s=1.5).to_dict()
    [values] = drawn["datasets"].values()
    assert [each["stretch"] for each in values] == ["swarm p50 0", "swarm p50 0", "swarm p50 1"]


def test_every_kind_of_panel_is_a_picture(tmp_path: Path) -> None:
    """Also one with nothing to show."""
    panels = [seen(kind, HTTP, title=kind) for kind in (OVER_TIME, OVER_PEERS, FIGURES)] + [seen(FIGURES)]
    paths = write_panels(panels, tmp_path, gap_s=1.5)
    assert [path.name for path in paths] == ["timeseries.png", "trend.png", "stat.png", "goodput-now.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
