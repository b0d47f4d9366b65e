"""Every query of every panel, asked of a real Prometheus that has watched a real run with what is committed."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.observing.observatory import SOURCE, observatory
from harness.reports.panels import figure
from tests.panels import DASHBOARDS, panels, substituted
from tests.prometheus import Prometheus, prometheus
from tests.running import Swarmbench

CONTENDERS, PEERS = ("http", "swarm"), (1, 2)

RUN = (
    *(
        "run",
        "flash-crowd",
        "--repeats",
        "1",
        "--set",
        "content.size=6MiB",
        "--no-report",
        "--observe",
        "--metrics-per-peer",
    ),
    *("--contenders", ",".join(CONTENDERS), "--peers", ",".join(map(str, PEERS))),
)

EMPTY = {
    "needs a run of the scenario lookup": "this is a run of downloads",
    "seen live alone, of swarms that meet by supernodes": "this one meets by a tracker",
}
"""What panels say that have nothing to show of this run, and why that is so."""

BY_CHANCE = ("no download has ended while its step was under way",)
"""What panels say that the moments of scraping may make right: so few peers are done at nearly the same time."""

OF_ROWS_THAT_COUNT = (
    "no finished step that counts",
    "needs a central server and a swarm at the same number of peers",
    "never, or no central server to compare with",
)
"""What panels say where no row counts, or no pair of rows: on a machine that was too busy they may be right."""


@dataclass(frozen=True)
class Watched:
    """A run, and who watched it from its beginning to its end, in seconds since 1970."""

    swarmbench: Swarmbench
    running: Prometheus
    began: float
    ended: float

    def found(self, target: dict) -> list[dict[str, Any]]:
        """What a query of a panel finds, as Grafana asks it for the time of the run."""
        query = substituted(target["expr"], __range=f"{math.ceil(self.ended - self.began)}s")
        if target["instant"]:
            return self.running.query(query, self.ended)
        span = {"start": self.began, "end": self.ended, "step": 1}
        return self.running.get("/api/v1/query_range", query=query, **span)["result"]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Prometheus finds the run as it does with `swarmbench observe`, by what a run tells of itself."""
    directory = tmp_path_factory.mktemp("watched")
    swarmbench = Swarmbench(directory)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(directory / "state"))
        patch.delenv("GRAFANA_TOKEN", raising=False)
        place = observatory()
        place.furnish(SOURCE)
        with prometheus(directory, place.configuration / "prometheus" / "prometheus.yml") as running:
            began = time.time()
            done = swarmbench(*RUN, "--out", swarmbench.out)
            assert done.returncode == 0, done.stderr
            yield Watched(swarmbench, running, began, time.time())


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_of_every_panel_finds_the_run(watched: Watched, name: str) -> None:
    """Of contenders that ran; what finds nothing is known to, for a reason."""
    invalid = [row["invalid_reason"] for row in watched.swarmbench.rows() if not row["valid"]]
    for panel in panels(DASHBOARDS[name]):
        words = panel["fieldConfig"]["defaults"]["noValue"]
        for target in panel["targets"]:
            found, where = watched.found(target), f"{panel['title']}: {target['expr']}"
            if words in EMPTY:
                assert not found, f"{where} finds something, though {EMPTY[words]}"
            elif words in OF_ROWS_THAT_COUNT:
                assert found or invalid, where
            elif words not in BY_CHANCE:
                assert found, where
            assert {series["metric"].get("contender", "http") for series in found} <= set(CONTENDERS), where


def test_the_front_page_shows_what_the_summary_says(watched: Watched) -> None:
    """Goodput against peers, of every row that counts."""
    [panel] = [each for each in panels(DASHBOARDS["comparison.json"]) if each["title"] == "Goodput"]
    found = watched.found(panel["targets"][0])
    shown = {(each["metric"]["contender"], int(each["metric"]["peers"])): float(each["value"][1]) for each in found}
    rows = [row for row in watched.swarmbench.rows() if row["valid"]]
    assert shown == pytest.approx({(row["contender"], row["peers"]): row["goodput_bytes_per_s"] for row in rows})


def test_the_preview_of_the_run_makes_its_files(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture of every panel of the front page, and a table with what it says; nothing else is left."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = watched.swarmbench("dashboards", "preview", watched.swarmbench.out)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert not [each for each in psutil.process_iter() if str(tmp_path) in " ".join(_command(each))]
    directory = watched.swarmbench.out / "preview"
    page = (directory / "preview.md").read_text()
    titles = [panel["title"] for panel in panels(DASHBOARDS["comparison.json"])]
    pictures = re.findall(r"!\[(.*)\]\((.*)\)", page)
    assert [title for title, _ in pictures] == titles
    for title, picture in pictures:
        assert (directory / picture).read_bytes().startswith(b"\x89PNG")
        assert f"| {title} | `" in page and title.split()[0] in done.stdout
    assert {path.name for path in directory.iterdir()} == {"preview.md", *(picture for _, picture in pictures)}
    for row in watched.swarmbench.rows():
        if row["valid"]:
            assert f"{figure(row['goodput_bytes_per_s'], 'Bps')} at {row['peers']}" in page


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
