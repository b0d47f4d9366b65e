"""Thresholds against rows."""

from __future__ import annotations

from operator import attrgetter

import msgspec
from records import row, summary
from rich.console import Console

from harness.analysis.thresholds import Reached, check, outcome, read_metric
from harness.reports.thresholds import print_thresholds
from harness.results.schema import LookupRow, MeanAndTail, MedianAndTail
from harness.scenarios.model import Threshold
from harness.scenarios.thresholds import LOOKUP_METRICS, METRICS

FAST = Threshold(None, "completion_s.last", "<=", 5.0)
LOOKUPS = LookupRow(
    contender="dht",
    nodes=64,
    repeat=0,
    lab="namespace",
    valid=True,
    invalid_reason=None,
    rarity="single",
    phase="whole",
    lookups=10,
    success=0.9,
    recall=0.8,
    hops=MeanAndTail(2.0, 4.0),
    longest_hops=4,
    messages=12.0,
    bytes=900.0,
    first_peer_s=MedianAndTail(0.1, 0.2),
    done_s=MedianAndTail(0.3, 0.4),
    failing_for_s=None,
    neighbours=5.0,
    entries=9.0,
    messages_per_node_s=1.0,
    dropped=0,
    rss_bytes_per_node=1e6,
)


def test_every_metric_is_one_of_a_row():
    """Whatever may be written can be read."""
    assert all(attrgetter(metric)(row("swarm", 2, 4.0)) is not None for metric in METRICS if "first_peer" not in metric)
    assert all(read_metric(LOOKUPS, metric) is not None for metric in LOOKUP_METRICS)


def test_the_median_over_repeats_counts_at_each_number_of_peers():
    """Each contender and number of peers has to reach it."""
    rows = [row("swarm", 2, last, repeat=i) for i, last in enumerate((3.0, 4.0, 9.0))] + [row("http", 2, 6.0)]
    checked = check([FAST], summary(rows))
    assert [(each.point, each.value, each.reached) for each in checked] == [
        ("swarm, 2 peers", 4.0, Reached.YES),
        ("http, 2 peers", 6.0, Reached.NO),
    ]
    assert outcome(checked) is Reached.NO


def test_one_contenders_threshold_asks_nothing_of_others():
    """As nobody expects a central server to be offloaded."""
    rows = [row("swarm", 2, 4.0), row("http", 2, 6.0)]
    assert [each.point for each in check([Threshold("swarm", "failed", "<=", 0.0)], summary(rows))] == [
        "swarm, 2 peers"
    ]


def test_what_was_not_measured_is_not_reached():
    """A row that is invalid tells nothing of speed; that is no pass."""
    checked = check([FAST], summary([row("swarm", 1, 4.0), row("swarm", 2, 4.0, invalid="a busy machine")]))
    assert [each.reached for each in checked] == [Reached.YES, Reached.UNKNOWN]
    assert outcome(checked) is Reached.UNKNOWN


def test_failures_count_where_they_make_the_row_invalid():
    """Else nobody could ever limit them."""
    [checked] = check([Threshold(None, "failed", "<", 1.0)], summary([row("swarm", 2, None, invalid="2 failed")]))
    assert (checked.value, checked.reached) == (2.0, Reached.NO)


def test_lookups_are_checked_by_rarity():
    """Rare items are the ones that are hard to find."""
    found = msgspec.structs.replace(summary([]), lookup_rows=[LOOKUPS])
    [checked] = check([Threshold("dht", "success", ">=", 0.95)], found)
    assert (checked.point, checked.reached) == ("dht, 64 nodes, single items, whole", Reached.NO)


def test_the_table_says_what_was_asked_and_what_was_found():
    """And nothing is printed where nothing was asked."""
    console = Console(width=120)
    with console.capture() as captured:
        print_thresholds([], console)
        print_thresholds(check([FAST], summary([row("swarm", 2, 6.0)])), console)
    lines = captured.get().splitlines()
    assert "Thresholds" in lines[0]
    assert "completion_s.last <=5   swarm, 2 peers 6        crossed" in captured.get()
