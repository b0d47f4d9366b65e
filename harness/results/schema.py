"""What a run directory holds: the records other tools rely on. A field is never renamed without an ADR.

Raw transfers are the source of truth; everything in a `Row` is derived from them, the samples and the calibration.
Times are seconds since the step's start (intended start of the first transfer), sizes are bytes, rates are bytes per
second.
"""

from __future__ import annotations

from typing import Any

import msgspec


class Sources(msgspec.Struct, frozen=True):
    """Useful bytes by who delivered them."""

    origin: int = 0
    peers: int = 0
    webseed: int = 0


class Transfer(msgspec.Struct, frozen=True):
    """One download by one peer: a line of `transfers.jsonl`."""

    contender: str
    peers: int
    repeat: int
    host: str
    intended_s: float
    started_s: float | None
    first_byte_s: float | None
    done_s: float | None
    bytes: int
    ok: bool
    error: str | None
    sources: Sources
    wasted_bytes: int
    first_peer_s: float | None = None
    """When a swarm's peer first knew of another; None where peers are not looked for, or do not say."""


class Lookup(msgspec.Struct, frozen=True):
    """One search by one node: a line of `lookups.jsonl`. What it found is judged by who really had the item then."""

    contender: str
    nodes: int
    repeat: int
    node: str
    item: int
    rarity: str
    """Of the item, as planned (`harness.results.rarity`)."""
    replicas: int
    """Nodes that had it from a while before the lookup to its end; 0: there was nobody to be found."""
    intended_s: float
    started_s: float | None
    first_peer_s: float | None
    done_s: float | None
    """When the network had told all it would."""
    ok: bool
    """Whether somebody was found who has the item."""
    found: int
    """How many of the replicas were found."""
    stale: int
    """How many were found that have left, or have not got it."""
    hops: int | None
    """To the node that told of the first peer; a direct answer is 1, what the node itself had on record 0."""
    longest: int | None
    messages: int
    """Sent for it in the whole network."""
    bytes: int
    error: str | None

    @property
    def peers(self) -> int:
        """The number of nodes, by the name it has in other records."""
        return self.nodes


class NodeFigures(msgspec.Struct, frozen=True):
    """What one node of a network had come to at the end of a step: a line of `nodes.jsonl`.

    Counts are of the last `over_s` seconds: since the first lookup, or its birth if that was later. `entries` is all
    that it remembers of others, `dropped` what it had no time or room for, `refused` what was malformed, forged or
    abusive.
    """

    contender: str
    nodes: int
    repeat: int
    node: str
    over_s: float
    joined: bool
    neighbours: int
    entries: int
    sent: int
    sent_bytes: int
    received: int
    dropped: int
    refused: int

    @property
    def peers(self) -> int:
        """The number of nodes, by the name it has in other records."""
        return self.nodes


class Sample(msgspec.Struct, frozen=True):
    """What one role used, and how far its transfers were, at one moment: a line of `samples.jsonl` (about 1 Hz).

    `cpu_s` is cumulative since the step's start, `rss_bytes` the sum over the role's processes, `bytes` the verified
    bytes so far. `backlog_drops`, of the role `machine`, counts packets the kernel had no time to receive. What runs of
    earlier versions did not record is None.
    """

    contender: str
    peers: int
    repeat: int
    at_s: float
    role: str
    cpu_s: float
    rss_bytes: int
    bytes: int = 0
    backlog_drops: int = 0
    waits: int | None = None
    """Voluntary context switches of the role's processes since the step's start; None of the machine."""
    preemptions: int | None = None
    """Involuntary ones."""
    link_bytes: int | None = None
    """Of the machine: bytes through the interface that all hosts share since the step's start, with their headers."""


class Beginning(msgspec.Struct, frozen=True):
    """When a step began: a line of `steps.jsonl`, which runs of earlier versions lack.

    `began` is the time of day at which the times of its other records are 0, in seconds since 1970 (UTC).
    """

    contender: str
    peers: int
    repeat: int
    began: float


class Quantiles(msgspec.Struct, frozen=True):
    """Times counted from the intended start; None when nothing came, or completed."""

    p50: float | None
    p95: float | None = None
    p99: float | None = None
    last: float | None = None


class Median(msgspec.Struct, frozen=True):
    """The median alone."""

    p50: float | None


class CpuPerGiB(msgspec.Struct, frozen=True):
    """CPU-seconds spent for each GiB delivered, by who spent them."""

    server: float | None
    peers: float | None
    harness: float | None


class Waits(msgspec.Struct, frozen=True):
    """Waits as multiples of each peer's own bound; None when nothing completed."""

    p50: float | None
    p95: float | None


class Row(msgspec.Struct, frozen=True):
    """One step – a contender, a number of peers, a repeat – summed up: an entry of `summary.json` → `rows`."""

    contender: str
    peers: int
    repeat: int
    lab: str
    valid: bool
    invalid_reason: str | None
    completed: int
    failed: int
    completion_s: Quantiles
    first_byte_s: Quantiles
    goodput_bytes_per_s: float | None
    bound_s: float | None
    """None where links are unlimited, and so no theory of links applies."""
    efficiency: float | None
    origin_bytes: int
    origin_offload: float | None
    wasted_bytes: int
    cpu_s_per_gib: CpuPerGiB
    peak_rss_bytes: int
    fairness_jain: float | None
    late_starts: int
    wait_over_own_bound: Waits | None = None
    """How long peers waited, divided by the least that any scheme could have served each in; None without links."""
    sources: Sources = Sources()
    """Useful bytes by who delivered them, over all transfers."""
    first_peer_s: Median = Median(None)
    """How long it took peers to find another, whatever finds them: tracker, DHT, gossip, supernodes."""


class MeanAndTail(msgspec.Struct, frozen=True):
    """The mean, and what 95 % stay below; None where there is nothing."""

    mean: float | None
    p95: float | None


class MedianAndTail(msgspec.Struct, frozen=True):
    """The median, and what 95 % stay below; None where there is nothing."""

    p50: float | None
    p95: float | None


class LookupRow(msgspec.Struct, frozen=True):
    """The lookups of one step for items of one rarity, summed up: an entry of `summary.json` → `lookup_rows`.

    Only lookups for which there was somebody to be found count. Messages and bytes are means over lookups, of the
    whole network; times count from the intended start. Figures of nodes are means over all of the step's.
    """

    contender: str
    nodes: int
    repeat: int
    lab: str
    valid: bool
    invalid_reason: str | None
    rarity: str
    phase: str
    """`whole`; or `before` and `after`, where nodes are killed at half time."""
    lookups: int
    success: float | None
    recall: float | None
    hops: MeanAndTail
    longest_hops: int | None
    messages: float | None
    bytes: float | None
    first_peer_s: MedianAndTail
    done_s: MedianAndTail
    failing_for_s: float | None
    """After nodes were killed: how long until the last lookup began that failed; 0 if none did, None if none counts."""
    neighbours: float | None
    entries: float | None
    messages_per_node_s: float | None
    dropped: int
    rss_bytes_per_node: float | None

    @property
    def peers(self) -> int:
        """The number of nodes, by the name it has in other records."""
        return self.nodes


class Spread(msgspec.Struct, frozen=True):
    """A median over repeats, and how sure it is: its 95 % bootstrap interval, from three repeats on."""

    median: float | None
    low: float | None = None
    high: float | None = None


class RepeatsRow(msgspec.Struct, frozen=True):
    """The valid repeats of one contender at one number of peers: an entry of `summary.json` → `repeats`.

    Units are those of `Row`; counts and bytes are sums over the repeats.
    """

    contender: str
    peers: int
    repeats: int
    completion_last_s: Spread
    completion_p50_s: Spread
    first_byte_p50_s: Spread
    goodput_bytes_per_s: Spread
    efficiency: Spread
    origin_offload: Spread
    fairness_jain: Spread
    cpu_s_per_gib_server: Spread
    cpu_s_per_gib_peers: Spread
    cpu_s_per_gib_harness: Spread
    late_starts: int
    wasted_bytes: int
    sources: Sources


class PeerRates(msgspec.Struct, frozen=True):
    """What the links of one class of peers carry, beside the nominal rates that name the class."""

    nominal_up: float
    nominal_down: float
    up: float
    up_duplex: float
    down: float


class LinkRate(msgspec.Struct, frozen=True):
    """One figure of the calibration: what one direction of one kind of link carried, in bytes per second.

    `nominal` counts headers, too; `expected` is what they, and the links at the flows' other ends, leave for payload.
    """

    link: str
    direction: str
    nominal: float
    expected: float
    measured: float
    flows: int
    fairness_jain: float | None = None
    """Jain's index over the rates of several flows; None for one."""

    @property
    def error(self) -> float:
        """By which share it is above, or below, what is expected."""
        return self.measured / self.expected - 1


class Calibration(msgspec.Struct, frozen=True):
    """Measured payload rates of the lab's links in bytes per second, and the idle round-trip time.

    `*_duplex` rates are those of a link that at the same time receives as much as it sends, so that acknowledgements
    share it (a swarm's peers).
    """

    server_up: float
    peer_up: float
    peer_up_duplex: float
    peer_down: float
    round_trip_s: float
    classes: list[PeerRates] = []
    """Where peers' links differ: every class; `peer_*` are then the first one's."""
    links: list[LinkRate] = []
    """Every figure, as it is shown; the rates above are among them."""


class Summary(msgspec.Struct, frozen=True):
    """The whole of `summary.json`."""

    schema: int
    scenario: str
    title: str
    lab: str
    complete: bool
    """False while steps are missing (interrupted or still running)."""
    rows: list[Row]
    lookup_rows: list[LookupRow] = []
    """Of a scenario of lookups, which has no `rows`."""
    repeats: list[RepeatsRow] = []
    """The rows' valid repeats taken together."""


class Environment(msgspec.Struct, frozen=True):
    """The whole of `environment.json`: what the figures depend on besides the scenario."""

    machine: dict[str, Any]
    kernel: str
    python: str
    versions: dict[str, str]
    revision: str | None
    lab: str
    congestion_control: str | None
    calibration: Calibration | None
    """None where links are unlimited."""
    command: list[str]
    model: str | None = None
    """In a simulated lab, what is coarser in it than in the world, in one line."""
