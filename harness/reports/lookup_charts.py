"""The charts of a scenario of lookups: what is found, how far away, for how much, against size and rarity.

Only valid points are drawn. Where nodes are killed, the points are those before it: the table tells the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.analysis.lookup_points import LookupPoint, lookup_points
from harness.analysis.lookup_verdict import largest_shared
from harness.analysis.lookups import AFTER
from harness.analysis.overlay_theory import flood_reach, flood_success, kademlia_hops
from harness.analysis.verdict import capitalized, title
from harness.reports.charts import Chart
from harness.reports.lookup_plots import against_nodes, against_rarity
from harness.reports.palette import looks
from harness.results.rarity import Rarity
from harness.results.schema import Summary

STRUCTURED = "swarm-dht"
FLOODING = "swarm-gossip"
"""Whom theory speaks of."""


def lookup_charts(summary: Summary) -> list[Chart]:
    """Every chart that the valid rows can fill, in reading order."""
    measured = [p for p in lookup_points(summary.lookup_rows) if p.valid and p.lookups and p.phase != AFTER]
    rarest = [point for point in measured if point.rarity is Rarity.SINGLE]
    look = looks(row.contender for row in summary.lookup_rows)
    drawn = []
    if rarest:
        drawn += [
            Chart(
                "found",
                "How surely the rarest are found",
                "Higher is better: lookups for an item that one node has. The dashed line is a flood's theory.",
                f"Share of lookups that succeed against the number of nodes. {_told(rarest, _success, '%')}",
                against_nodes(rarest, look, "lookups that succeed", lambda p: p.success, _flood_success, share=True),
            ),
            Chart(
                "hops",
                "How far away the answer is",
                "Lower is better: hops to the node that told of the first peer. The dashed line is log₂ n (Kademlia).",
                f"Hops against the number of nodes. {_told(rarest, lambda p: p.hops, 'hops')}",
                against_nodes(rarest, look, "hops", lambda p: p.hops, _log_nodes),
            ),
            Chart(
                "messages",
                "What a lookup costs the whole network",
                "Lower is better: messages for one of the rarest items. Dashed: what a flood reaches at most.",
                f"Messages for each lookup against the number of nodes. {_told(rarest, lambda p: p.messages, '')}",
                against_nodes(rarest, look, "messages", lambda p: p.messages, _reach),
            ),
            Chart(
                "first-peer",
                "How long until a first peer is known",
                "Lower is better: the median lookup for one of the rarest items, of those that found it.",
                f"Time to the first peer against the number of nodes. {_told(rarest, _first_ms, 'ms')}",
                against_nodes(rarest, look, "milliseconds", _first_ms),
            ),
        ]
    nodes = largest_shared(measured)
    largest = [point for point in measured if point.nodes == nodes]
    if len({point.rarity for point in largest}) > 1:
        drawn += [
            Chart(
                "found-by-rarity",
                f"What is found among {nodes} nodes",
                "Higher is better. Further right more nodes have what is looked for.",
                f"Share of lookups that succeed against rarity. {_told(largest, _success, '%')}",
                against_rarity(largest, look, "lookups that succeed", lambda p: p.success, share=True),
            ),
            Chart(
                "messages-by-rarity",
                f"What it costs among {nodes} nodes",
                "Lower is better: an index costs the same for every item, a flood less the nearer one of many is.",
                f"Messages for each lookup against rarity. {_told(largest, lambda p: p.messages, '')}",
                against_rarity(largest, look, "messages", lambda p: p.messages),
            ),
        ]
    return drawn


def _log_nodes(point: LookupPoint) -> float | None:
    return kademlia_hops(point.nodes) if point.contender == STRUCTURED else None


def _reach(point: LookupPoint) -> float | None:
    if point.contender != FLOODING or point.neighbours is None or point.longest_hops is None:
        return None
    return flood_reach(point.neighbours, round(point.longest_hops), point.nodes)


def _flood_success(point: LookupPoint) -> float | None:
    reach = _reach(point)
    return None if reach is None else flood_success(1, reach, point.nodes)


def _success(point: LookupPoint) -> float | None:
    return None if point.success is None else point.success * 100


def _first_ms(point: LookupPoint) -> float | None:
    return None if point.first_peer_s is None else point.first_peer_s * 1000


def _told(measured: Sequence[LookupPoint], figure: Callable[[LookupPoint], float | None], unit: str) -> str:
    """The ends of each network's line in words."""
    sentences = []
    for name in dict.fromkeys(point.contender for point in measured):
        line = [
            (f"{p.nodes} nodes, {p.rarity}", v)
            for p in measured
            if p.contender == name and (v := figure(p)) is not None
        ]
        ends = dict([line[0], line[-1]]) if line else {}
        told = "; ".join(f"{value:.3g} {unit} at {where}".replace("  ", " ") for where, value in ends.items())
        sentences.append(capitalized(f"{title(name)}: {told or 'nothing'}."))
    return " ".join(sentences)
