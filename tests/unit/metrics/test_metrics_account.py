"""What records come to, told one by one."""

from __future__ import annotations

import pytest
from lookup_records import lookup, lookup_row
from metric_texts import key, samples_of
from records import ENVIRONMENT, MIB, row, sample, transfer

from harness.metrics import names
from harness.metrics.account import Account
from harness.results.schema import Sample, Sources
from harness.results.step import Step

STEP = Step("swarm", 2, 0)


class Told:
    """An account of one step, and what it exposes of it."""

    def __init__(self, *, lookups: bool = False, per_peer: bool = False) -> None:
        self.account = Account("a run", "flash-crowd", "8MiB", "namespace", per_peer=per_peer)
        self.account.step_started(STEP, lookups=lookups)

    def __call__(self, name: str, *, contender: str = "swarm", **labels: object) -> float | None:
        run = {"run": "a run", "scenario": "flash-crowd", "variant": "8MiB", "lab": "namespace"}
        step = {"contender": contender, "peers": 2, "repeat": 0}
        return samples_of(self.account.ledger.exposition()).get(key(name, **run, **step, **labels))


@pytest.fixture
def told():
    return Told()


def test_what_a_step_will_count_is_there_from_its_start(told):
    """At 0, so that the first download already has a rate."""
    assert told("step_playing") == 1
    assert told("transfers_total", outcome="ok") == told("transfers_total", outcome="failed") == 0
    assert told("transferred_bytes_total", source="peers") == 0
    assert told("transfer_duration_seconds_count") == told("role_cpu_seconds_total", role="server") == 0


def test_a_transfer_that_succeeded_counts_with_its_bytes_and_times(told):
    """Times count from the intended start."""
    told.account.transfer_ended(
        transfer(intended_s=1.0, first_peer_s=1.125, first_byte_s=1.25, done_s=4.0, wasted_bytes=5)
    )
    assert told("transfers_total", outcome="ok") == 1
    assert [told("transferred_bytes_total", source=each) for each in ("origin", "peers", "webseed")] == [
        2 * MIB,
        6 * MIB,
        0,
    ]
    assert told("wasted_bytes_total") == 5
    assert told("transfer_duration_seconds_sum") == 3.0
    assert told("transfer_first_byte_seconds_sum") == 0.25
    assert told("transfer_first_peer_seconds_sum") == 0.125


def test_a_transfer_that_failed_has_no_duration(told):
    """But what it received before is counted, as in summaries."""
    told.account.transfer_ended(transfer(ok=False, done_s=None, error="given up", sources=Sources(origin=7)))
    assert told("transfers_total", outcome="failed") == 1
    assert told("transfer_duration_seconds_count") == 0
    assert told("transferred_bytes_total", source="origin") == 7


def test_no_time_that_a_contender_tells_lets_a_sum_fall(told):
    """Its clock may be off."""
    told.account.transfer_ended(transfer(intended_s=1.0, first_byte_s=0.5))
    assert (told("transfer_first_byte_seconds_count"), told("transfer_first_byte_seconds_sum")) == (1, 0)


def test_samples_are_what_a_role_has_used_by_now(told):
    """The machine's own tells of lost packets, the peers' of what they have."""
    told.account.sampled(sample("server", 1.0, cpu_s=0.5, rss_bytes=1000))
    told.account.sampled(Sample("swarm", 2, 0, 1.0, "machine", 0.9, 0, backlog_drops=3))
    told.account.sampled(Sample("swarm", 2, 0, 1.0, "peers", 0.1, 10, bytes=77))
    assert told("role_cpu_seconds_total", role="server") == 0.5
    assert told("role_resident_memory_bytes", role="server") == 1000
    assert told("role_resident_memory_bytes", role="machine") is None
    assert (told("backlog_drops_total"), told("step_verified_bytes")) == (3, 77)


def test_a_finished_step_has_the_figures_of_its_row(told):
    """And nobody plays or downloads any more."""
    told.account.current_peers(STEP, 2)
    told.account.step_finished(STEP, [summed := row("swarm", 2, 4.0)], [])
    assert (told("step_playing"), told("current_peers"), told("step_valid")) == (0, 0, 1)
    assert told("step_completion_seconds", share="1") == summed.completion_s.last
    assert told("step_efficiency_ratio") == summed.efficiency
    assert told("step_goodput_bytes_per_second") == summed.goodput_bytes_per_s
    assert told("step_cpu_seconds_per_gib", role="peers") == summed.cpu_s_per_gib.peers


def test_what_a_row_does_not_know_has_no_series(told):
    """Rather than a false zero."""
    told.account.step_finished(STEP, [row("swarm", 2, None, invalid="nothing came")], [])
    assert told("step_completion_seconds", share="1") is told("step_efficiency_ratio") is None
    assert told("step_valid") == 0


def test_lookups_count_by_rarity_if_there_was_somebody_to_be_found():
    """Found or nothing, as summaries judge them."""
    told = Told(lookups=True)
    name = {"contender": "swarm-dht"}
    for each in (
        lookup(contender="swarm-dht", nodes=2, ok=True, hops=2, messages=30, rarity="one node"),
        lookup(contender="swarm-dht", nodes=2, ok=False, hops=None, first_peer_s=None, messages=50, rarity="one node"),
        lookup(contender="swarm-dht", nodes=2, ok=False, replicas=0, messages=1000, rarity="one node"),
    ):
        told.account.lookup_ended(each)
    assert told("lookups_total", outcome="found", rarity="one node", **name) == 1
    assert told("lookups_total", outcome="nothing", rarity="one node", **name) == 1
    assert told("lookup_messages_sum", rarity="one node", **name) == 80
    assert told("lookup_hops_bucket", rarity="one node", le="2.0", **name) == 1
    assert told("transfers_total", outcome="ok") is None


def test_a_step_of_lookups_is_valid_if_all_its_rows_are():
    """There is one for each rarity."""
    told = Told(lookups=True)
    rows = [lookup_row("swarm", 2), lookup_row("swarm", 2, valid=False)]
    told.account.step_finished(STEP, [], rows)
    assert told("step_valid") == 0


def test_links_are_told_as_they_were_calibrated():
    """Each class, direction and number of flows; and how evenly the server's uplink was shared."""
    account = Account("a run", "flash-crowd", "8MiB", "namespace")
    account.run_started(ENVIRONMENT.calibration)
    told = samples_of(account.ledger.exposition())
    run = {"run": "a run", "scenario": "flash-crowd", "variant": "8MiB", "lab": "namespace"}
    assert told[key("link_rate_bytes_per_second", **run, **{"class": "peer"}, direction="down", flows=8)] == 3.82e6
    assert told[key("link_fairness_ratio", **run)] == 0.999
    assert told[key("run_info", **run)] == 1


def test_what_processes_tell_is_told_on(told):
    """And of what nobody tells there is no series."""
    told.account.overheard(
        STEP,
        {
            names.CONNECTIONS: {("server",): 4.0},
            names.UPLOADED: {("peers",): 9.0},
            names.RESPONSES: {("GET", "200"): 3.0},
            names.DUPLICATES: {(): 1.0},
            names.DIVERSITY: {(): 0.5},
            names.STATES: {("peers", "choked"): 2.0},
        },
    )
    assert told("role_connections", role="server") == 4
    assert told("role_uploaded_bytes_total", role="peers") == 9
    assert told("server_responses_total", method="GET", status="200") == 3
    assert (told("duplicate_bytes_total"), told("piece_diversity_ratio")) == (1, 0.5)
    assert told("connection_states", role="peers", state="choked") == 2
    assert told("hash_failures_total") is None


def test_what_earlier_versions_did_not_sample_has_no_series(told):
    """Rather than a false zero; what is sampled counts by its kind."""
    told.account.sampled(sample("server", 1.0))
    assert told("role_context_switches_total", role="server", kind="voluntary") is None
    assert told("link_bytes_total") is None
    told.account.sampled(Sample("swarm", 2, 0, 2.0, "server", 0.1, 10, waits=5, preemptions=1))
    told.account.sampled(Sample("swarm", 2, 0, 2.0, "machine", 0.1, 0, link_bytes=1000))
    switches = [told("role_context_switches_total", role="server", kind=kind) for kind in ("voluntary", "involuntary")]
    assert switches == [5, 1]
    assert told("link_bytes_total") == 1000


def test_the_demand_process_tells_how_it_copes(told):
    """In steps of downloads and of lookups alike."""
    told.account.demanded(STEP, users=2, requests=1, late_s=0.004, lag_s=0.001)
    assert (told("demand_users"), told("demand_requests")) == (2, 1)
    assert (told("demand_lateness_seconds"), told("demand_lag_seconds")) == (0.004, 0.001)


def test_single_peers_are_told_of_where_that_is_asked_for():
    """Those of the step under way alone, so that there are never more than a step has."""
    told = Told(per_peer=True)
    told.account.peers_verified(STEP, {"peer-1": 7, "peer-2": 8})
    told.account.transfer_ended(transfer("peer-1", intended_s=1.0, done_s=4.0, bytes=10))
    assert [told("peer_verified_bytes", host=host) for host in ("peer-1", "peer-2")] == [10, 8]
    assert told("peer_completion_seconds", host="peer-1") == 3.0
    assert told("peer_completion_seconds", host="peer-2") is None
    told.account.step_started(Step("http", 2, 0), lookups=False)
    assert told("peer_verified_bytes", host="peer-1") is told("peer_completion_seconds", host="peer-1") is None


def test_no_peer_is_told_of_else(told):
    """A series for each of a thousand peers would be a load on whoever scrapes."""
    told.account.transfer_ended(transfer("peer-1"))
    assert "host=" not in told.account.ledger.exposition()
