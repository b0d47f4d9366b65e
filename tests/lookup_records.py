"""Records of lookups as a run would leave them, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from records import ENVIRONMENT, SCENARIO

from harness.results.rarity import Rarity
from harness.results.run import Run
from harness.results.schema import Lookup, LookupRow, MeanAndTail, MedianAndTail, NodeFigures, Sample, Summary
from harness.scenarios.model import Lookups

LOOKUPS = Lookups(items=4, rate=2.0, duration=20.0)

SCENARIO_OF_LOOKUPS = replace(
    SCENARIO,
    name="lookup",
    title="Who has it?",
    contenders=("swarm-dht", "swarm-gossip"),
    peers=(16,),
    repeats=1,
    lookups=LOOKUPS,
)


def lookup(**changes: object) -> Lookup:
    """One of 16 nodes looks for what two others have, and finds both after 20 ms."""
    fields = {
        "contender": "swarm-dht",
        "nodes": 16,
        "repeat": 0,
        "node": "peer-001",
        "item": 0,
        "rarity": Rarity.POPULAR,
        "replicas": 2,
        "intended_s": 1.0,
        "started_s": 1.001,
        "first_peer_s": 1.02,
        "done_s": 1.05,
        "ok": True,
        "found": 2,
        "stale": 0,
        "hops": 2,
        "longest": 3,
        "messages": 20,
        "bytes": 2048,
        "error": None,
    }
    return Lookup(**{**fields, **changes})


def node_figures(node: str, **changes: object) -> NodeFigures:
    """A node that has sent 100 messages in 10 s."""
    fields = {
        "contender": "swarm-dht",
        "nodes": 16,
        "repeat": 0,
        "node": node,
        "over_s": 10.0,
        "joined": True,
        "neighbours": 6,
        "entries": 40,
        "sent": 100,
        "sent_bytes": 10_000,
        "received": 90,
        "dropped": 0,
        "refused": 0,
    }
    return NodeFigures(**{**fields, **changes})


def run_of(
    lookups: list[Lookup],
    nodes: Iterable[NodeFigures] = (),
    samples: Iterable[Sample] = (),
    scenario=SCENARIO_OF_LOOKUPS,
) -> Run:
    """A run whose steps with these lookups are finished."""
    scenario = replace(scenario, lookups=replace(scenario.lookups, rate=len(lookups) / scenario.lookups.duration))
    return Run("a directory", scenario, ENVIRONMENT, [], list(samples), lookups, list(nodes), None)


def lookup_row(contender: str, nodes: int, rarity: Rarity = Rarity.SINGLE, **changes: object) -> LookupRow:
    """100 lookups that all find something, for 40 messages each."""
    fields = {
        "contender": contender,
        "nodes": nodes,
        "repeat": 0,
        "lab": "namespace",
        "valid": True,
        "invalid_reason": None,
        "rarity": rarity,
        "phase": "whole",
        "lookups": 100,
        "success": 1.0,
        "recall": 0.9,
        "hops": MeanAndTail(2.5, 4.0),
        "longest_hops": 4,
        "messages": 40.0,
        "bytes": 4096.0,
        "first_peer_s": MedianAndTail(0.012, 0.034),
        "done_s": MedianAndTail(0.1, 0.2),
        "failing_for_s": None,
        "neighbours": 5.0,
        "entries": 60.0,
        "messages_per_node_s": 3.0,
        "dropped": 0,
        "rss_bytes_per_node": 65_536.0,
    }
    return LookupRow(**{**fields, **changes})


def summary_of(rows: list[LookupRow]) -> Summary:
    """The summary that has them."""
    return Summary(1, "lookup", "Who has it?", "namespace", True, [], rows)
