"""Figures of several sources beside each other."""

from __future__ import annotations

from msgspec.structs import replace
from records import row, summary

from harness.analysis.crosscheck import LARGE_PEERS, REAL_PEERS, Line, missed
from harness.analysis.scaling import Figure, Metric, Source, measured, ratios, value_of


def figure(source: Source, value: float, peers: int = 8) -> Figure:
    return Figure(Metric.COMPLETION, "swarm", peers, source, value)


def test_a_run_tells_medians_of_its_valid_rows():
    """As measured, or as simulated, by its lab."""
    rows = [row("swarm", 2, last, repeat=i) for i, last in enumerate((4.0, 5.0, 9.0))]
    told = summary([*rows, row("swarm", 4, 7.0, invalid="late")])
    assert value_of(measured(told), Metric.COMPLETION, "swarm", 2, Source.MEASURED) == 5.0
    assert value_of(measured(told), Metric.COMPLETION, "swarm", 4, Source.MEASURED) is None
    assert {each.source for each in measured(replace(told, lab="simulated"))} == {Source.SIMULATED}


def test_neighbours_are_compared_where_both_are_known():
    """A missing source is passed over: measured is then held against the next that there is."""
    found = ratios([figure(Source.BOUND, 10.0), figure(Source.MEASURED, 12.0), figure(Source.MODEL, 11.0, peers=9)])
    [only] = found
    assert (only.over, only.under, only.peers, only.ratio) == (Source.MEASURED, Source.BOUND, 8, 1.2)


def test_bars_that_are_met_say_nothing():
    """Within a tenth of each other, and above the bound."""
    assert not list(missed(Line(2, real=10.0, simulated=10.9, model=20.0, bound=9.0)))
    assert not list(missed(Line(100, real=None, simulated=10.0, model=9.1, bound=9.0)))


def test_bars_that_are_missed_are_named():
    """Among few peers virtual time is held against real links, among many the model against virtual time."""
    assert list(missed(Line(2, real=10.0, simulated=11.5, model=10.0, bound=9.0))) == [
        "2 peers: simulated ÷ real is 1.150, more than 10% off"
    ]
    assert list(missed(Line(1000, real=None, simulated=10.0, model=8.0, bound=9.0))) == [
        "1000 peers: model ÷ simulated is 0.800, more than 10% off",
        "1000 peers: model is below the bound: 8 s, not 9 s at least",
    ]


def test_what_nobody_measured_is_not_met():
    """At no number of peers that has a bar."""
    for peers in (*REAL_PEERS, *LARGE_PEERS):
        [told] = missed(Line(peers, real=None, simulated=None, model=10.0, bound=9.0))
        assert "cannot be told" in told
