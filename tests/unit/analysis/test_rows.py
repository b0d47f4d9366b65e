"""How a step's raw records become its row."""

from __future__ import annotations

import pytest
from records import MIB, Step, sample, transfer

from harness.analysis.rows import summarize
from harness.results.schema import Sources

SIZE = 8 * MIB


def summary(transfers, samples=(), *, peers=None, bound_s=3.6, reasons=()):
    step = Step(peers=len(transfers) if peers is None else peers)
    return summarize(step, transfers, samples, bound_s=bound_s, lab="namespace", size=SIZE, reasons=reasons)


def test_a_clean_step_is_valid():
    """Completed equals the peers, nothing failed, and the step's identity is kept."""
    row = summary([transfer("a"), transfer("b")])
    assert (row.contender, row.peers, row.repeat, row.lab) == ("swarm", 2, 0, "namespace")
    assert (row.valid, row.invalid_reason, row.completed, row.failed) == (True, None, 2, 0)


def test_completion_counts_from_the_intended_start():
    """A late start does not shorten a transfer."""
    row = summary([transfer(intended_s=0.0, started_s=2.0, done_s=4.0)])
    assert row.completion_s.p50 == 4.0


def test_the_last_completion_counts_from_the_first_intended_start():
    """Peers wait 4 and 3 s, but the second came 6 s later: the last is done after 9 s."""
    row = summary([transfer("a"), transfer("b", intended_s=6.0, started_s=6.0, first_byte_s=6.5, done_s=9.0)])
    assert row.completion_s.last == 9.0
    assert row.completion_s.p50 == 3.5
    assert row.first_byte_s.p50 == pytest.approx(0.375)


def test_goodput_is_what_all_peers_got_until_the_last_was_done():
    """16 MiB in 8 s."""
    assert summary([transfer("a"), transfer("b", done_s=8.0)]).goodput_bytes_per_s == 2 * MIB


def test_efficiency_is_the_bound_divided_by_the_last():
    """3.6 s where 4 s were needed."""
    assert summary([transfer()], bound_s=3.6).efficiency == pytest.approx(0.9)


def test_bytes_are_counted_by_who_sent_them():
    """The origin sent 4 of 16 MiB, so the swarm carried three quarters."""
    row = summary([transfer("a", wasted_bytes=7), transfer("b", wasted_bytes=5)])
    assert (row.origin_bytes, row.origin_offload, row.wasted_bytes) == (4 * MIB, 0.75, 12)


def test_a_central_server_offloads_nothing():
    """All bytes are the origin's."""
    assert summary([transfer(sources=Sources(origin=SIZE))]).origin_offload == 0.0


def test_cpu_is_the_last_sample_of_each_role_per_gib_delivered():
    """One second of server CPU for 8 MiB is 128 s for a GiB; a role without samples has no figure."""
    row = summary(
        [transfer()], [sample("server", 2, cpu_s=1.0), sample("server", 1, cpu_s=0.5), sample("peers", 2, 0.25)]
    )
    assert row.cpu_s_per_gib.server == pytest.approx(128.0)
    assert row.cpu_s_per_gib.peers == pytest.approx(32.0)
    assert row.cpu_s_per_gib.harness is None


def test_memory_is_the_contenders_peak_without_the_harness():
    """The peaks of server and peers add up."""
    samples = [sample("server", 1, rss_bytes=5), sample("server", 2, rss_bytes=3), sample("peers", 1, rss_bytes=7)]
    assert summary([transfer()], [*samples, sample("harness", 1, rss_bytes=100)]).peak_rss_bytes == 12


def test_fairness_is_over_the_rates_at_which_peers_were_served():
    """Twice the time is half the rate: (1 + 2)² / (2 · (1 + 4))."""
    assert summary([transfer("a"), transfer("b", done_s=8.0)]).fairness_jain == pytest.approx(0.9)


def test_a_failed_transfer_spoils_the_row_and_is_named():
    """What the peer said is in the reason; there is no efficiency for a job half done."""
    bad = transfer("b", ok=False, done_s=None, error="sha256 does not match")
    row = summary([transfer("a"), bad])
    assert (row.valid, row.completed, row.failed, row.efficiency) == (False, 1, 1, None)
    assert row.invalid_reason == "1 of 2 transfers failed, first b: sha256 does not match"


def test_a_transfer_without_a_record_is_a_failed_one():
    """A run that lost a peer does not look like one with fewer peers."""
    row = summary([transfer()], peers=3)
    assert (row.completed, row.failed) == (1, 2)
    assert row.invalid_reason == "2 of 3 transfers left no record"


def test_a_short_success_is_no_success():
    """A contender that claims completion with too few bytes is not believed."""
    row = summary([transfer("a", bytes=SIZE - 1)])
    assert row.invalid_reason == f"a reports success with {SIZE - 1} of {SIZE} bytes"


def test_a_late_start_is_counted_and_spoils_the_row():
    """100 ms behind the plan in a step of seconds."""
    row = summary([transfer("a", started_s=0.1), transfer("b")])
    assert (row.late_starts, row.invalid_reason) == (1, "1 of 2 transfers started late")


def test_one_late_start_in_a_hundred_is_forgiven():
    """It does not reach the 99th percentile."""
    row = summary([transfer(str(i), started_s=0.1 if i == 0 else 0.0) for i in range(100)])
    assert (row.late_starts, row.valid) == (1, True)


def test_in_a_long_step_a_start_is_late_only_beyond_a_hundredth_of_the_bound():
    """100 ms do not matter in a minute."""
    assert summary([transfer(started_s=0.1, done_s=60.0)], bound_s=58.0).late_starts == 0


def test_what_beats_the_theoretical_limit_is_not_believed():
    """4 s where 5 s is the least possible."""
    row = summary([transfer()], bound_s=5.0)
    assert row.invalid_reason == "25% faster than the theoretical limit: the links exceed their calibration"


def test_grounds_from_elsewhere_make_a_row_invalid():
    """Such as a saturated machine; all grounds are named."""
    row = summary([transfer(ok=False, error="timeout")], reasons=["the machine was saturated"])
    assert row.invalid_reason == "the machine was saturated; 1 of 1 transfers failed, first peer-1: timeout"


def test_a_deployment_that_crashed_still_has_a_row():
    """Nothing completed, nothing to measure, and the reason."""
    row = summary([], peers=4, reasons=["swarm: the tracker did not start"])
    assert (row.completed, row.failed, row.goodput_bytes_per_s, row.origin_offload) == (0, 4, None, None)
    assert (row.completion_s.last, row.first_byte_s.p50, row.fairness_jain) == (None, None, None)
    assert row.invalid_reason == "swarm: the tracker did not start; no transfer was recorded"


def test_first_bytes_and_sources_are_summed_up():
    """The whole distribution of waits for a first byte, and bytes by who delivered them."""
    given = [transfer(f"p{i}", first_byte_s=0.1 * i, done_s=2.0) for i in range(1, 3)]
    row = summarize(Step(), given, [], bound_s=None, lab="namespace", size=8 * MIB)
    assert row.first_byte_s.p50 == pytest.approx(0.15)
    assert row.first_byte_s.last == pytest.approx(0.2)
    assert (row.sources.origin, row.sources.peers) == (4 * MIB, 12 * MIB)
