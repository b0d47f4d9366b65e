"""The node's metrics in Prometheus' text format, read from its peers when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from p2p_node.core.node import Tally
from p2p_node.core.rarity import Diversity
from p2p_node.core.stance import Stance
from p2p_node.shell.peer import Peer


class _PeersCollector(Collector):
    def __init__(self, peers: Iterable[Peer]) -> None:
        self._peers = list(peers)

    def collect(self) -> Iterable[Metric]:
        peers = self._peers
        yield GaugeMetricFamily("p2p_peers", "Peers in this process.", len(peers))
        yield GaugeMetricFamily("p2p_connections", "Open connections.", sum(peer.connection_count for peer in peers))
        tallies = [peer.node.tally() for peer in peers if peer.node is not None]
        yield from _payload(tallies)
        yield from _wire(peers, tallies)
        connected = [peer for peer in peers if peer.connection_count]  # the others see nothing, which is not a zero
        yield from _stances([peer.node.stance for peer in peers if peer.node is not None])
        yield from _diversity([peer.node.diversity for peer in connected if peer.node is not None])


def _payload(tallies: Sequence[Tally]) -> Iterable[Metric]:
    counters = (
        ("p2p_downloaded_bytes", "Verified payload bytes received.", "downloaded"),
        ("p2p_web_seeded_bytes", "Of these, bytes from web seeds.", "web_seeded"),
        ("p2p_uploaded_bytes", "Payload bytes sent.", "uploaded"),
        ("p2p_wasted_bytes", "Payload bytes received and thrown away.", "wasted"),
        ("p2p_duplicate_bytes", "Of these, bytes of blocks that were here already.", "duplicates"),
        ("p2p_hash_failures", "Pieces whose hash was wrong.", "hash_failures"),
    )
    for name, meaning, field in counters:
        yield CounterMetricFamily(name, meaning, sum(getattr(tally, field) for tally in tallies))


def _wire(peers: Sequence[Peer], tallies: Sequence[Tally]) -> Iterable[Metric]:
    received, sent = sum(peer.traffic.received for peer in peers), sum(peer.traffic.sent for peer in peers)
    yield CounterMetricFamily("p2p_wire_received_bytes", "All bytes that peers sent, also protocol.", received)
    yield CounterMetricFamily("p2p_wire_sent_bytes", "All bytes sent to peers, also protocol.", sent)
    ratio = GaugeMetricFamily(
        "p2p_wire_per_payload", "Bytes over connections for each verified byte.", labels=["direction"]
    )
    for direction, wire, payload in (
        ("received", received, sum(tally.downloaded - tally.web_seeded for tally in tallies)),
        ("sent", sent, sum(tally.uploaded for tally in tallies)),
    ):
        if payload:
            ratio.add_metric([direction], wire / payload)
    yield ratio


def _stances(stances: Sequence[Stance]) -> Iterable[Metric]:
    states = GaugeMetricFamily(
        "p2p_connection_states",
        "Connections that we choke (choking), that choke us (choked), that we are interested in (interested), and that"
        " are interested in us (wanted).",
        labels=["state"],
    )
    for state in ("choking", "choked", "interested", "wanted"):
        states.add_metric([state], sum(getattr(each, state) for each in stances))
    yield states
    pending, depth = sum(each.pending for each in stances), sum(each.depth for each in stances)
    yield GaugeMetricFamily("p2p_requests_pending", "Blocks requested that have not arrived.", pending)
    yield GaugeMetricFamily("p2p_requests_depth", "Blocks that the queues of those who serve us should hold.", depth)


def _diversity(found: Sequence[Diversity | None]) -> Iterable[Metric]:
    seen = [diversity for diversity in found if diversity is not None]
    if not seen:
        return
    fewest = min(diversity.fewest for diversity in seen)
    rarest = max(diversity.rarest for diversity in seen if diversity.fewest == fewest)
    mean = sum(diversity.mean for diversity in seen) / len(seen)
    yield GaugeMetricFamily("p2p_piece_copies_mean", "Copies of a piece that a peer sees, on average.", mean)
    yield GaugeMetricFamily("p2p_piece_copies_fewest", "Copies of the rarest piece that any peer sees.", fewest)
    yield GaugeMetricFamily("p2p_rarest_pieces", "Pieces of which a peer sees so few copies, at most.", rarest)


def exposition(peers: Iterable[Peer]) -> bytes:
    """The metrics of these peers, summed."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_PeersCollector(peers))
    return generate_latest(registry)
