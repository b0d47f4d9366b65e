"""The columns of a table of lookups, in the same words in the terminal and the HTML report."""

from __future__ import annotations

from harness.analysis.lookup_points import LookupPoint
from harness.analysis.lookups import WHOLE
from harness.reports.figures import NOTHING, Column, Room, number, percent

KIB = 2**10

LOOKUP_COLUMNS: tuple[Column[LookupPoint], ...] = (
    Column("nodes", "how many nodes the network has", lambda p: str(p.nodes)),
    Column("item on", "which share of the nodes have the item that is looked for", lambda p: p.rarity, numeric=False),
    Column(
        "when",
        "whether the lookup began before or after the nodes were killed",
        lambda p: NOTHING if p.phase == WHOLE else p.phase,
        numeric=False,
    ),
    Column("network", "the family under test", lambda p: p.contender, numeric=False),
    Column("lookups", "how many there were for which there was somebody to be found", lambda p: str(p.lookups)),
    Column("% found", "lookups that found somebody who has the item", lambda p: percent(p.success)),
    Column(
        "% of\nreplicas",
        "the share of those who have the item that was found: some networks stop when it is enough",
        lambda p: percent(p.recall),
        Room.WIDE,
    ),
    Column("hops", "to the node that told of the first peer, on average", lambda p: number(p.hops)),
    Column("hops\np95", "what 95 of 100 lookups stay below", lambda p: number(p.hops_p95), Room.WIDE),
    Column("messages", "sent for a lookup in the whole network, on average", lambda p: number(p.messages)),
    Column("KiB", "of these messages, without headers", lambda p: _kib(p.bytes), Room.MEDIUM),
    Column("first\nms", "until the median lookup knew a first peer", lambda p: _ms(p.first_peer_s)),
    Column("first\np95 ms", "what 95 of 100 lookups stay below", lambda p: _ms(p.first_peer_p95_s), Room.MEDIUM),
    Column(
        "all\nms", "until the network had told the median lookup all it would", lambda p: _ms(p.done_s), Room.MEDIUM
    ),
    Column(
        "failing\nfor s",
        "how long after the killing the last lookup began that failed",
        lambda p: NOTHING if p.failing_for_s is None else number(p.failing_for_s),
    ),
    Column("neighbours", "nodes that a node would talk to, on average", lambda p: number(p.neighbours), Room.PAGE),
    Column("entries", "all that a node remembers of others, on average", lambda p: number(p.entries), Room.PAGE),
    Column(
        "messages\na node, a s",
        "what a node sends while these lookups are made, upkeep included",
        lambda p: number(p.messages_per_node_s),
        Room.PAGE,
    ),
    Column("dropped", "messages that nodes had no time or room for", lambda p: f"{p.dropped:.0f}", Room.PAGE),
    Column(
        "KiB\na node",
        "resident memory of all fleets, divided by their nodes",
        lambda p: _kib(p.rss_bytes_per_node),
        Room.PAGE,
    ),
    Column("repeats", "how many repeats the figures rest on", lambda p: str(p.repeats), Room.PAGE),
    Column("valid", "whether the measurement counts", lambda p: "yes" if p.valid else "no", numeric=False),
)


def _kib(size: float | None) -> str:
    return NOTHING if size is None else number(size / KIB)


def _ms(seconds: float | None) -> str:
    return NOTHING if seconds is None else number(seconds * 1000)
