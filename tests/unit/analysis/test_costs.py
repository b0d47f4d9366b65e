"""What one contender moves and spends, in multiples of another's."""

from __future__ import annotations

import pytest
from records import row

from harness.analysis.costs import ratios
from harness.analysis.points import points
from harness.analysis.verdict import verdict
from harness.results.schema import CpuPerGiB

FREE = {"bound_s": None, "efficiency": None}


def speed_rows():
    """Three repeats each; the swarm twice as fast as libtorrent for half its CPU."""
    rows = []
    for repeat, luck in enumerate((0.9, 1.0, 1.4)):
        for peers in (1, 4):
            rows.append(row("swarm", peers, luck, repeat=repeat, cpu_s_per_gib=CpuPerGiB(0.2, 0.8, 0.1), **FREE))
            rows.append(row("libtorrent", peers, 2 * luck, repeat=repeat, cpu_s_per_gib=CpuPerGiB(1.0, 1.0, 3), **FREE))
    return rows


def test_ratios_are_of_medians_and_of_both_ends_cpu():
    """What the harness spends is nobody's cost."""
    [at_1, at_4] = ratios(points(speed_rows()))
    assert (at_1.subject, at_1.other, at_1.peers, at_4.peers) == ("swarm", "libtorrent", 1, 4)
    assert at_1.goodput == pytest.approx(2.0)
    assert at_1.cpu == pytest.approx(0.5)


def test_a_side_that_was_not_metered_has_no_ratio():
    """Rather than one that counts one end only."""
    rows = [row("swarm", 1, 1.0, **FREE), row("http", 1, 1.0, cpu_s_per_gib=CpuPerGiB(None, 1.0, 0.1), **FREE)]
    [ratio] = ratios(points(rows))
    assert ratio.cpu is None


def test_invalid_rows_are_not_compared():
    """As everywhere."""
    rows = [row("swarm", 1, 1.0, **FREE), row("http", 1, 1.0, invalid="broken", **FREE)]
    assert ratios(points(rows)) == []


def test_without_links_the_verdict_tells_costs_and_no_limits():
    """There is no theory to compare with."""
    said = verdict(speed_rows())
    assert "At 4 peers the swarm reaches 2.00× the goodput of libtorrent for 0.50× its CPU." in said
    assert "theory" not in said
