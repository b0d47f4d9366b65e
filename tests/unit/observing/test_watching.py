"""A run tells who watches it, and never needs them. Grafana is a stand-in: see `tests/grafana_server.py` for why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from dashboard_sources import dashboard_source
from grafana_server import TOKEN, grafana

from harness.observing import watching
from harness.observing.observatory import Observatory, observatory
from harness.observing.watching import Observation, watched
from harness.results.step import Step

STEP = Step("swarm", 2, 1)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Observatory:
    """An observatory of its own, in which nobody waits for a scrape."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(watching, "LINGER_S", 0.0)
    return observatory()


def play(port: int | None, observation: Observation | None) -> None:
    """A run of two steps."""

    async def run() -> None:
        async with watched(port, observation, "a-run") as seen:
            for _ in range(2):
                async with seen.step(STEP):
                    pass

    asyncio.run(run())


def test_a_run_without_a_port_tells_nobody(place: Observatory, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to see."""
    play(None, None)
    assert not place.root.exists()
    assert capsys.readouterr() == ("", "")


def test_a_port_alone_is_a_target_and_no_words(place: Observatory, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever gave it knows where it is."""
    play(9100, None)
    assert list(place.targets.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_where_to_look_depends_on_who_watches(
    place: Observatory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page of the run in Grafana; or Prometheus, or the metrics themselves, and what to do for more."""
    place.furnish(dashboard_source(tmp_path / "dashboards"))
    play(9100, Observation(None, None))
    assert "Metrics are at http://127.0.0.1:9100/metrics; see them with: swarmbench observe" in capsys.readouterr().out
    with place.announced("http://127.0.0.1:9090", None):
        play(9100, Observation(None, None))
    assert "Watch it at http://127.0.0.1:9090; there is no Grafana" in capsys.readouterr().out
    play(9100, Observation("http://grafana", None))
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Watch it at http://grafana/d/the-front-page?var-run=a-run&from=") and "to=now" in first
    assert last.startswith("Dashboard of this run: http://grafana/d/the-front-page?var-run=a-run&from=")


def test_steps_are_marked_in_the_grafana_that_we_have_started(place: Observatory) -> None:
    """As its administrator, whose password lies beside its data."""
    place.root.mkdir(parents=True)
    with grafana() as server, place.announced("http://127.0.0.1:9090", server.url):
        play(9100, Observation(None, None))
    assert [request.path for request in server.requests] == ["/api/annotations"] * 2
    assert all(str(request.authorization).startswith("Basic ") for request in server.requests)


def test_a_run_does_not_need_to_be_watched(place: Observatory, capsys: pytest.CaptureFixture[str]) -> None:
    """A Grafana that fails is asked once, a directory that cannot be written is nobody's problem: a warning each."""
    place.root.parent.mkdir(parents=True)
    place.root.write_text("a file")
    with grafana() as server:
        server.failures["POST", "/api/annotations"] = 500, '{"message": "database is locked"}'
        play(9100, Observation(server.url, TOKEN))
    assert len(server.requests) == 1
    told = capsys.readouterr().err
    lines = told.splitlines()
    assert len(lines) == 2 and all(line.startswith("swarmbench: warning: ") for line in lines)
    assert "Prometheus is not told of this run" in lines[0]
    assert "database is locked); steps are not marked any more" in lines[1]
    assert TOKEN not in told
