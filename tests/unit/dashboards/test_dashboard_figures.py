"""What the front page says of a made-up run that was loaded into a real Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from dashboards.queries import crossover, finished, median, share, speedup
from harness.metrics.names import COMPLETION, GOODPUT, TRANSFERRED, TRANSFERS, VALID, Family
from tests.prometheus import Prometheus, prometheus, promtool
from tests.unit.dashboards.test_dashboards import substituted

AT_S = 1_700_000_000

COMPLETIONS = {
    "http": {1: 2.0, 2: 4.0, 4: 8.0, 8: 16.0},
    "nginx": {1: 2.0, 2: 3.9, 4: 8.0, 8: 16.0},
    "swarm": {1: 1.0, 2: 3.8, 4: 4.0, 8: 4.0},
    "bare-swarm": {1: 3.0, 2: 5.0, 4: 9.0, 8: 17.0},
}
"""Last completions by contender and peers. At one peer the swarm is ahead by luck, at two it is a tie with nginx."""

ONLY_INVALID = {"swarm": {8: 1.0}}
"""Of a second repeat, which does not count."""


def labelled(contender: str, peers: int, repeat: int, **more: str) -> str:
    labels = {"run": "r", "scenario": "s", "lab": "l", "contender": contender, "peers": peers, "repeat": repeat, **more}
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def samples(
    completions: Mapping[str, Mapping[int, float]], repeat: int, valid: int
) -> Iterator[tuple[Family, str, float]]:
    for contender, by_peers in completions.items():
        for peers, seconds in by_peers.items():
            yield VALID, labelled(contender, peers, repeat), valid
            yield COMPLETION, labelled(contender, peers, repeat, quantile="1"), seconds
            yield GOODPUT, labelled(contender, peers, repeat), peers * 1e6 / seconds
            yield TRANSFERS, labelled(contender, peers, repeat, outcome="ok"), peers
            yield TRANSFERRED, labelled(contender, peers, repeat, source="origin"), 1e6
            if contender == "swarm":
                yield TRANSFERRED, labelled(contender, peers, repeat, source="peers"), (peers - 1) * 1e6


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The run, as `promtool` makes it into blocks of a Prometheus' data."""
    directory = tmp_path_factory.mktemp("prometheus")
    lines: dict[Family, list[str]] = {}
    for family, labels, value in [*samples(COMPLETIONS, 0, 1), *samples(ONLY_INVALID, 1, 0)]:
        head = lines.setdefault(family, [f"# TYPE {family.full_name.removesuffix('_total')} {family.kind}"])
        head.append(f"{family.full_name}{{{labels}}} {value} {AT_S}")
    text = directory / "run.txt"
    text.write_text("\n".join([*(line for family in lines.values() for line in family), "# EOF\n"]))
    promtool("tsdb", "create-blocks-from", "openmetrics", text, directory / "data")
    with prometheus(directory, options=["--storage.tsdb.retention.time=100y"]) as running:
        yield running


def asked(running: Prometheus, expression: str, *labels: str) -> dict[tuple[str, ...], float]:
    return running.values(substituted(expression), *labels, at_s=AT_S + 60)


def test_the_crossover_is_from_where_on_a_swarm_stays_ahead(loaded):
    """Of every central server, by more than a tie; one that is never ahead has none."""
    assert asked(loaded, crossover(), "contender") == {("swarm",): 4}


def test_speedups_are_over_the_best_central_server(loaded):
    """At each number of peers, by rows that count."""
    found = asked(loaded, speedup(), "contender", "peers")
    assert {peers: value for (contender, peers), value in found.items() if contender == "swarm"} == {
        "1": 2,
        "2": pytest.approx(3.9 / 3.8),
        "4": 2,
        "8": 4,
    }


def test_finished_figures_leave_out_rows_that_do_not_count(loaded):
    """So that an invalid repeat moves no median."""
    found = asked(loaded, median(finished(GOODPUT), "contender", "peers"), "contender", "peers")
    assert found["swarm", "8"] == 2e6
    assert len(found) == 16


def test_a_share_is_zero_where_there_is_no_part(loaded):
    """A central server's peers send nothing, which is a figure, too."""
    peers, every = (f"{TRANSFERRED.full_name}{matcher}" for matcher in ('{source="peers"}', ""))
    found = asked(
        loaded, share(f"last_over_time({peers}[1h])", f"last_over_time({every}[1h])", "contender"), "contender"
    )
    assert found[("http",)] == 0
    assert 0.5 < found[("swarm",)] < 1
