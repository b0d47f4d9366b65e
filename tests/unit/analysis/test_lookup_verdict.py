"""What people are told of lookups, and that it is no more than the rows say."""

from __future__ import annotations

from lookup_records import lookup_row

from harness.analysis.lookup_verdict import lookup_verdict
from harness.analysis.lookups import AFTER, BEFORE
from harness.results.rarity import Rarity
from harness.results.schema import MeanAndTail

DHT, GOSSIP = "swarm-dht", "swarm-gossip"


def test_nothing_measured_is_said_so():
    """No winner of nothing."""
    assert lookup_verdict([]) == "Nothing has been measured yet."


def test_without_a_valid_row_the_reason_is_told():
    """And nothing else."""
    rows = [lookup_row(DHT, 16, valid=False, invalid_reason="the machine was saturated")]
    assert lookup_verdict(rows) == (
        "No row is valid, so nothing can be concluded; the first says: the machine was saturated."
    )


def test_the_surest_is_named_although_it_is_not_the_cheapest():
    """50 % for less is not better than all for more."""
    told = lookup_verdict([lookup_row(DHT, 64), lookup_row(GOSSIP, 64, success=0.5, messages=10.0)])
    assert "an item that one node has is found by swarm-dht in 100% of lookups (40 messages)" in told
    assert "by swarm-gossip in 50% of lookups (10 messages); swarm-dht is the surest." in told


def test_of_the_equally_sure_the_cheapest_is_named():
    """99 % and 100 % of 100 lookups are the same."""
    told = lookup_verdict([lookup_row(DHT, 64), lookup_row(GOSSIP, 64, success=0.99, messages=400.0)])
    assert "; swarm-dht is the cheapest." in told


def test_of_three_the_cheapest_among_the_sure():
    """One fails, two find all, and one of these for a tenth."""
    rows = [
        lookup_row(DHT, 64),
        lookup_row(GOSSIP, 64, success=0.5),
        lookup_row("swarm-supernode", 64, messages=4.0),
    ]
    assert "; swarm-supernode is the cheapest of the sure ones." in lookup_verdict(rows)


def test_level_is_told_as_level():
    """40 and 45 messages are no difference that anybody should choose by."""
    assert "; they are level." in lookup_verdict([lookup_row(DHT, 64), lookup_row(GOSSIP, 64, messages=45.0)])


def test_all_but_one_are_not_all():
    """999 of 1,000 lookups are not told as 100 %."""
    assert "in 99.9% of lookups" in lookup_verdict([lookup_row(DHT, 64, lookups=1000, success=0.9999)])


def test_networks_are_compared_in_the_largest_that_all_were_measured_in():
    """Where one was not valid in the larger, it is the smaller."""
    rows = [lookup_row(DHT, 16), lookup_row(GOSSIP, 16), lookup_row(DHT, 64)]
    rows.append(lookup_row(GOSSIP, 64, valid=False, invalid_reason="late"))
    told = lookup_verdict(rows)
    assert told.startswith("Among 16 nodes ")
    assert "1 of 4 rows is invalid and left out." in told


def test_networks_of_different_sizes_are_not_compared():
    """There is nothing to compare."""
    told = lookup_verdict([lookup_row(DHT, 16), lookup_row(GOSSIP, 64)])
    assert told.startswith("No network size has valid rows of all, so they cannot be compared.")


def test_growth_is_told_from_the_smallest_to_the_largest():
    """From 40 messages to 50 in a network 16 times as large."""
    rows = [lookup_row(DHT, 16), lookup_row(DHT, 64, messages=45.0), lookup_row(DHT, 256, messages=50.0)]
    assert "In a network 16 times as large a lookup for the rarest items costs 1.2× of swarm-dht." in lookup_verdict(
        rows
    )


def test_hops_are_averaged_over_the_rarities():
    """2 for the rarest, 1 for the most popular."""
    rows = [
        lookup_row(DHT, 16, Rarity.SINGLE, hops=MeanAndTail(2.0, 3.0)),
        lookup_row(DHT, 16, Rarity.POPULAR, hops=MeanAndTail(1.0, 1.0)),
    ]
    assert (
        "Among 16 nodes whoever tells of the first peer is 1.5 hops away in swarm-dht, on average."
        in lookup_verdict(rows)
    )


def killing(after: float, failing_for_s: float) -> str:
    return lookup_verdict(
        [
            lookup_row(DHT, 64, phase=BEFORE),
            lookup_row(DHT, 64, phase=AFTER, success=after, failing_for_s=failing_for_s),
        ]
    )


def test_a_killing_is_told_by_what_was_found_before_and_after():
    """And for how long lookups failed."""
    told = killing(0.9, 3.2)
    assert "Swarm-dht with 64 nodes finds 100% before the killing and 90% after" in told
    assert told.endswith("; the last that failed began 3.2 s after it.")


def test_a_killing_that_harms_nobody_is_told_too():
    """None failed."""
    assert "100% before the killing and 100% after; none failed after it." in killing(1.0, 0.0)


def test_a_killing_after_which_nothing_counted_is_not_told():
    """All who had something were killed: there is no success to tell of."""
    rows = [
        lookup_row(DHT, 64, phase=BEFORE),
        lookup_row(DHT, 64, phase=AFTER, lookups=0, success=None, messages=None),
    ]
    assert "killing" not in lookup_verdict(rows)
