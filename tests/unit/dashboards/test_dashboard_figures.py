"""What the dashboards say of made-up runs that were loaded into a real Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, product
from pathlib import Path

import pytest

from dashboards.queries import crossover, finished, last, median, quantile, share, speedup
from harness.metrics.names import COMPLETION, DURATION, FAMILIES, GOODPUT, TRANSFERRED, TRANSFERS, VALID, Family, Kind
from tests.panels import DASHBOARDS, panels, substituted
from tests.prometheus import Prometheus, prometheus, promtool

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
    run = {"run": "r", "scenario": "s", "variant": "v", "lab": "l"}
    labels = {**run, "contender": contender, "peers": peers, "repeat": repeat, **more}
    return ",".join(f'{name}="{value}"' for name, value in labels.items())


def samples(
    completions: Mapping[str, Mapping[int, float]], repeat: int, valid: int
) -> Iterator[tuple[Family, str, float]]:
    for contender, by_peers in completions.items():
        for peers, seconds in by_peers.items():
            yield VALID, labelled(contender, peers, repeat), valid
            yield COMPLETION, labelled(contender, peers, repeat, share="1"), seconds
            yield GOODPUT, labelled(contender, peers, repeat), peers * 1e6 / seconds
            yield TRANSFERS, labelled(contender, peers, repeat, outcome="ok"), peers
            yield TRANSFERRED, labelled(contender, peers, repeat, source="origin"), 1e6
            observed = 0 if contender == "http" else peers
            for end in (2, 4, "+Inf"):
                yield DURATION, labelled(contender, peers, repeat, le=str(end)), observed
            if contender == "swarm":
                yield TRANSFERRED, labelled(contender, peers, repeat, source="peers"), (peers - 1) * 1e6


LABELS = {
    "run": ["r"],
    "scenario": ["s"],
    "variant": ["v"],
    "lab": ["l"],
    "contender": ["http", "swarm"],
    "peers": ["1", "4"],
    "repeat": ["0"],
    "role": ["server", "peers", "harness", "machine"],
    "source": ["origin", "peers", "webseed"],
    "share": ["0.5", "0.95", "1"],
    "rarity": ["common", "rare"],
    "class": ["server", "peer"],
    "direction": ["up", "down"],
    "flows": ["one", "many"],
    "method": ["GET"],
    "status": ["200", "404"],
    "state": ["choking", "choked", "interested", "wanted"],
    "protocol": ["http", "udp"],
    "kind": ["voluntary", "involuntary", "announce", "scrape"],
    "host": ["peer-1", "peer-2"],
}
"""What there may be of each label, where it does not depend on the family."""

OUTCOMES = {"transfers": ["ok", "failed"], "lookups": ["found", "nothing"]}

SCRAPES = 10
"""One a second."""


def everything() -> Iterator[str]:
    """Every family that runs expose, of two contenders at two numbers of peers, growing from scrape to scrape."""
    for family in FAMILIES:
        yield f"# TYPE {family.full_name.removesuffix('_total')} {family.kind}"
        choices = [LABELS.get(name) or OUTCOMES[family.name] for name in family.labels]
        for values in product(*choices):
            labels = ",".join(f'{name}="{value}"' for name, value in zip(family.labels, values, strict=True))
            for second in range(SCRAPES):
                yield from _samples_of(family, labels, second)


def _samples_of(family: Family, labels: str, second: int) -> Iterator[str]:
    at_s, grown = AT_S - SCRAPES + second, second + 1
    if family.kind is not Kind.HISTOGRAM:
        value = 1 if family is VALID or family.name.endswith("playing") else grown
        yield f"{family.full_name}{{{labels}}} {value} {at_s}"
        return
    for end in [*family.buckets, "+Inf"]:
        yield f'{family.full_name}_bucket{{{labels},le="{end}"}} {grown} {at_s}'
    yield f"{family.full_name}_sum{{{labels}}} {grown} {at_s}"
    yield f"{family.full_name}_count{{{labels}}} {grown} {at_s}"


@contextmanager
def holding(directory: Path, lines: Iterable[str]) -> Iterator[Prometheus]:
    """A Prometheus into whose data `promtool` has made these lines of OpenMetrics."""
    text = directory / "run.txt"
    text.write_text("\n".join([*lines, "# EOF\n"]))
    promtool("tsdb", "create-blocks-from", "openmetrics", text, directory / "data")
    with prometheus(directory, options=["--storage.tsdb.retention.time=100y"]) as running:
        yield running


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """The run of `COMPLETIONS`."""
    lines: dict[Family, list[str]] = {}
    for family, labels, value in [*samples(COMPLETIONS, 0, 1), *samples(ONLY_INVALID, 1, 0)]:
        of_family = lines.setdefault(family, [f"# TYPE {family.full_name.removesuffix('_total')} {family.kind}"])
        suffix = "_bucket" if family.kind is Kind.HISTOGRAM else ""
        of_family.append(f"{family.full_name}{suffix}{{{labels}}} {value} {AT_S}")
    with holding(tmp_path_factory.mktemp("prometheus"), chain.from_iterable(lines.values())) as running:
        yield running


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """One that has everything."""
    with holding(tmp_path_factory.mktemp("prometheus"), everything()) as running:
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


def test_where_nothing_was_observed_is_nothing_to_see(loaded):
    """Rather than a figure that is none: here no download of http told how long it took."""
    found = asked(loaded, quantile(0.5, last(DURATION, suffix="_bucket"), "contender"), "contender")
    assert set(found) == {("nginx",), ("swarm",), ("bare-swarm",)}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_query_of_every_panel_finds_what_runs_expose(full, name):
    """Where every family has series. A crossover needs contenders that differ, which has a test of its own."""
    for panel in panels(DASHBOARDS[name]):
        for target in panel["targets"]:
            found = full.query(substituted(target["expr"]), AT_S - 1)
            assert found or panel["title"] == "Crossover", f"{panel['title']}: {target['expr']}"
            if panel["type"] == "trend":
                assert {frozenset(series["metric"]) for series in found} == {frozenset({"contender", "peers"})}
