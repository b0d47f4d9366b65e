"""How a step's lookups become its rows, and repeats a point; every expected figure computed by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lookup_records import LOOKUPS, SCENARIO_OF_LOOKUPS, lookup, lookup_row, node_figures, run_of
from records import ENVIRONMENT

from harness.analysis.lookup_points import lookup_points
from harness.analysis.lookups import AFTER, BEFORE, lookup_rows
from harness.results.rarity import Rarity
from harness.results.schema import MeanAndTail, MedianAndTail, Sample
from harness.scenarios.model import Kill

KILLING = replace(SCENARIO_OF_LOOKUPS, lookups=replace(LOOKUPS, kill=Kill(0.3)))
"""Half time is after 10 s."""

MISSED = {"ok": False, "found": 0, "first_peer_s": None, "hops": None}


def rows(*lookups, nodes=(), samples=(), scenario=SCENARIO_OF_LOOKUPS):
    return lookup_rows(run_of(list(lookups), nodes, samples, scenario), ENVIRONMENT)


def row(*lookups, **how):
    [only] = rows(*lookups, **how)
    return only


def machine(at_s, cpu_s):
    return Sample("swarm-dht", 16, 0, at_s, "machine", cpu_s, 0)


def test_success_is_the_share_that_found_somebody():
    """Three of four, and recall is the mean of 2/2, 2/2, 1/4 and 0/2."""
    told = row(lookup(), lookup(), lookup(replicas=4, found=1), lookup(**MISSED))
    assert (told.lookups, told.success, told.recall) == (4, 0.75, 0.5625)


def test_where_nobody_had_it_a_lookup_does_not_count():
    """It cannot succeed: neither its success nor its messages are judged."""
    told = row(lookup(messages=10), lookup(**MISSED, replicas=0, messages=1000))
    assert (told.lookups, told.success, told.messages) == (1, 1.0, 10)


def test_who_had_it_for_a_moment_and_was_found_counts():
    """A replica too new to be missed is as right to find as any; there is no recall of it."""
    told = row(lookup(replicas=0, found=0, ok=True))
    assert (told.lookups, told.success, told.recall) == (1, 1.0, None)


def test_a_row_in_which_nothing_counts_has_no_figures():
    """Not zeros."""
    told = row(lookup(**MISSED, replicas=0, longest=None))
    assert (told.lookups, told.success, told.messages, told.hops) == (0, None, None, MeanAndTail(None, None))
    assert told.done_s == MedianAndTail(None, None)


def test_hops_are_of_those_that_found_somebody():
    """1 and 2 make 1.5; the longest path is of all, also of those that found nobody."""
    told = row(lookup(hops=1), lookup(hops=2), lookup(**MISSED, longest=7))
    assert told.hops == MeanAndTail(1.5, pytest.approx(1.95))
    assert told.longest_hops == 7


def test_times_count_from_the_intended_start():
    """A late start does not shorten a lookup: 20 and 60 ms to the first peer."""
    told = row(lookup(), lookup(started_s=1.04, first_peer_s=1.06, done_s=1.09))
    assert told.first_peer_s.p50 == pytest.approx(0.04)
    assert told.done_s.p50 == pytest.approx(0.07)


def test_costs_are_means_of_all_that_count_however_they_ended():
    """A lookup that finds nobody has cost as well."""
    told = row(lookup(messages=20, bytes=100), lookup(**MISSED, messages=100, bytes=900))
    assert (told.messages, told.bytes) == (60, 500)


def test_there_is_a_row_for_each_rarity_from_the_rarest_on():
    """But none where nothing was looked for."""
    told = rows(lookup(rarity=Rarity.POPULAR), lookup(rarity=Rarity.SINGLE))
    assert [each.rarity for each in told] == [Rarity.SINGLE, Rarity.POPULAR]


def test_a_killing_parts_a_row_in_two():
    """By when lookups were meant to begin: one of the two after it fails, 3 s after it."""
    before, after = rows(
        lookup(intended_s=9.9),
        lookup(intended_s=10.0),
        lookup(**MISSED, intended_s=13.0, started_s=13.0),
        scenario=KILLING,
    )
    assert (before.phase, before.lookups, before.success, before.failing_for_s) == (BEFORE, 1, 1.0, None)
    assert (after.phase, after.lookups, after.success, after.failing_for_s) == (AFTER, 2, 0.5, 3.0)


def test_where_none_failed_after_the_killing_it_failed_for_no_time():
    """A zero that was measured."""
    assert row(lookup(intended_s=12.0), scenario=KILLING).failing_for_s == 0.0


def test_where_none_counts_after_the_killing_nothing_is_said_of_failing():
    """All who had the item were killed: that nobody was found is no failure, nor is it none."""
    told = row(lookup(**MISSED, replicas=0, intended_s=12.0), scenario=KILLING)
    assert (told.lookups, told.failing_for_s) == (0, None)


def test_figures_of_nodes_are_means_and_drops_a_sum():
    """100 and 60 messages in 10 s and 20 s: 10 and 3 a second."""
    told = row(
        lookup(),
        nodes=[
            node_figures("a", neighbours=6, entries=40, dropped=1),
            node_figures("b", neighbours=4, entries=20, sent=60, over_s=20.0, dropped=2),
        ],
    )
    assert (told.neighbours, told.entries, told.messages_per_node_s, told.dropped) == (5, 30, 6.5, 3)


def test_memory_is_shared_by_all_nodes_there_were():
    """32 MiB of 16 nodes, of which one has survived."""
    peak = Sample("swarm-dht", 16, 0, 1.0, "peers", 0.1, 32 << 20)
    assert row(lookup(), nodes=[node_figures("a")], samples=[peak]).rss_bytes_per_node == 2 << 20


def test_lookups_that_did_not_begin_spoil_the_step():
    """With the reason of the first."""
    lost = lookup(**MISSED, started_s=None, done_s=None, longest=None, error="the fleet is gone")
    told = row(lookup(), lost)
    assert (told.valid, told.invalid_reason) == (False, "1 of 2 lookups did not begin: the fleet is gone")


def test_late_starts_spoil_the_step():
    """One of 100 may be 60 ms late, two may not: the harness did not keep up with the load it was to make."""
    late, punctual = lookup(started_s=1.06), [lookup() for _ in range(98)]
    assert row(*punctual, lookup(), late).valid
    told = row(*punctual, late, late)
    assert (told.valid, told.invalid_reason) == (False, "2 of 100 lookups started late")


def test_a_saturated_machine_spoils_the_step():
    """1.9 of 2 cores busy."""
    told = row(lookup(), samples=[machine(10.0, 19.0), machine(20.0, 38.0)])
    assert not told.valid and "saturated" in told.invalid_reason


def test_finding_nobody_is_a_result_and_spoils_nothing():
    """A network that finds nothing was measured."""
    told = row(lookup(**MISSED), lookup(**MISSED))
    assert (told.valid, told.success) == (True, 0.0)


def test_a_step_that_was_cut_short_has_no_rows():
    """Its lookups are not all there."""
    run = run_of([lookup(), lookup()])
    cut = replace(run, lookups=run.lookups[:1])
    assert lookup_rows(cut, ENVIRONMENT) == []


def test_repeats_are_pooled_for_success_and_medians_for_the_rest():
    """80 of 100 and 50 of 50 are 130 of 150; 40, 60 and 70 messages have the median 60, wherever success is unknown."""
    [point] = lookup_points(
        [
            lookup_row("swarm-dht", 16, repeat=0, success=0.8),
            lookup_row("swarm-dht", 16, repeat=1, lookups=50, messages=60.0),
            lookup_row("swarm-dht", 16, repeat=2, lookups=0, success=None, messages=70.0),
        ]
    )
    assert (point.lookups, point.success, point.messages) == (150, pytest.approx(130 / 150), 60.0)


def test_invalid_repeats_are_left_out():
    """Their reasons are kept, each once."""
    spoilt = {"valid": False, "invalid_reason": "2 of 100 lookups started late", "messages": 900.0}
    [point] = lookup_points(
        [lookup_row("swarm-dht", 16), *(lookup_row("swarm-dht", 16, repeat=n, **spoilt) for n in (1, 2))]
    )
    assert (point.valid, point.repeats, point.messages) == (True, 1, 40.0)
    assert point.reasons == ("2 of 100 lookups started late",)


def test_without_a_valid_repeat_the_point_is_invalid_but_there():
    """So that the table can strike it through."""
    [point] = lookup_points([lookup_row("swarm-dht", 16, valid=False, invalid_reason="too busy")])
    assert (point.valid, point.repeats, point.messages, point.reasons) == (False, 1, 40.0, ("too busy",))


def test_points_go_by_nodes_then_rarity_then_phase():
    """With the networks in the order of their first rows."""
    told = lookup_points(
        [
            lookup_row("swarm-gossip", 64, Rarity.POPULAR, phase=AFTER),
            lookup_row("swarm-gossip", 64, Rarity.POPULAR, phase=BEFORE),
            lookup_row("swarm-gossip", 64, Rarity.SINGLE),
            lookup_row("swarm-dht", 64, Rarity.SINGLE),
            lookup_row("swarm-dht", 16, Rarity.POPULAR),
        ]
    )
    assert [(p.nodes, p.rarity, p.phase, p.contender) for p in told] == [
        (16, Rarity.POPULAR, "whole", "swarm-dht"),
        (64, Rarity.SINGLE, "whole", "swarm-gossip"),
        (64, Rarity.SINGLE, "whole", "swarm-dht"),
        (64, Rarity.POPULAR, BEFORE, "swarm-gossip"),
        (64, Rarity.POPULAR, AFTER, "swarm-gossip"),
    ]
