"""The node's metrics in Prometheus' text format, read from its peers when somebody asks."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from p2p_node.shell.peer import Peer


class _PeersCollector(Collector):
    def __init__(self, peers: Iterable[Peer]) -> None:
        self._peers = list(peers)

    def collect(self) -> Iterable[Metric]:
        tallies = [peer.node.tally() for peer in self._peers if peer.node is not None]
        yield GaugeMetricFamily("p2p_peers", "Peers in this process.", len(self._peers))
        yield GaugeMetricFamily(
            "p2p_connections", "Open connections.", sum(peer.connection_count for peer in self._peers)
        )
        yield CounterMetricFamily(
            "p2p_downloaded_bytes", "Verified payload bytes received.", sum(tally.downloaded for tally in tallies)
        )
        yield CounterMetricFamily(
            "p2p_web_seeded_bytes", "Of these, bytes from web seeds.", sum(tally.web_seeded for tally in tallies)
        )
        yield CounterMetricFamily("p2p_uploaded_bytes", "Payload bytes sent.", sum(tally.uploaded for tally in tallies))
        yield CounterMetricFamily(
            "p2p_wasted_bytes", "Payload bytes received and thrown away.", sum(tally.wasted for tally in tallies)
        )
        yield CounterMetricFamily(
            "p2p_hash_failures", "Pieces whose hash was wrong.", sum(tally.hash_failures for tally in tallies)
        )


def exposition(peers: Iterable[Peer]) -> bytes:
    """The metrics of these peers, summed."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_PeersCollector(peers))
    return generate_latest(registry)
