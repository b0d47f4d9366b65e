"""The names under which runs are exposed to Prometheus, live and afterwards: `swarmbench_*`, base units, no jargon.

The rule: what a dashboard, a rule or an alert asks for stands here, with its labels and its meaning. Labels are
bounded: steps, roles, sources, classes of links; series of a peer's own are there only where somebody asks for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "swarmbench_"

RUN = ("run", "scenario", "variant", "lab")
"""Of which run: the name of its directory, and what may only be compared with its like: the scenario, what of it
was set (`harness.scenarios.variant`), and the lab."""

STEP = (*RUN, "contender", "peers", "repeat")
"""Of which step of it."""

DURATIONS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600, 1200, 1800)
"""Upper ends of buckets, in seconds: from a file on loopback to half an hour on thin links."""

WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
"""The same, of what should take moments."""

HOPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64)
MESSAGES = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120)


class Kind(StrEnum):
    """What a family is to Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """A family of series; `name` without prefix and, of a counter, without `_total`."""

    name: str
    kind: Kind
    help: str
    labels: Sequence[str]
    buckets: Sequence[float] = ()

    @property
    def full_name(self) -> str:
        """As queries have it."""
        return f"{PREFIX}{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.GAUGE, text, (*STEP, *labels))


def _counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, Kind.COUNTER, text, (*STEP, *labels))


def _histogram(name: str, text: str, buckets: Sequence[float], *labels: str) -> Family:
    return Family(name, Kind.HISTOGRAM, text, (*STEP, *labels), buckets)


# The run, and the step under way.
RUN_INFO = Family("run_info", Kind.GAUGE, "1 for every run that is told of.", RUN)
PLAYING = _gauge("step_playing", "1 while the step is under way.")
CURRENT_PEERS = _gauge("current_peers", "Peers that have begun to download in the step under way and have not ended.")
VERIFIED = _gauge("step_verified_bytes", "Bytes that peers have verified in the step so far.")

# Transfers, as they end.
TRANSFERS = _counter("transfers", "Downloads that ended, by outcome: ok or failed.", "outcome")
TRANSFERRED = _counter("transferred_bytes", "Verified bytes of downloads that ended, by source.", "source")
WASTED = _counter("wasted_bytes", "Bytes received and thrown away: duplicates, and pieces that were wrong.")
DURATION = _histogram("transfer_duration_seconds", "From the intended start to the last verified byte.", DURATIONS)
FIRST_BYTE = _histogram("transfer_first_byte_seconds", "From the intended start to the first byte.", WAITS)
FIRST_PEER = _histogram(
    "transfer_first_peer_seconds", "From the intended start to the first peer found, of swarms.", WAITS
)

# Single peers of the step under way, only where asked for (`swarmbench run --metrics-per-peer`); live alone.
PEER_VERIFIED = _gauge("peer_verified_bytes", "Bytes that a peer has verified in the step so far, by host.", "host")
PEER_COMPLETION = _gauge(
    "peer_completion_seconds", "From a peer's intended start to its last verified byte, by host.", "host"
)

# The demand process (Locust) itself, as it tells of its progress; live alone.
USERS = _gauge("demand_users", "Users that the demand process has spawned: one for each wish or lookup.")
REQUESTS = _gauge("demand_requests", "Requests of users under way now.")
LATENESS = _gauge("demand_lateness_seconds", "By how much the latest start so far was behind the plan.")
LAG = _gauge("demand_lag_seconds", "By how much the demand process woke too late to tell its progress.")

# Finished steps, as summary.json has them.
COMPLETION = _gauge(
    "step_completion_seconds",
    "Completion of a finished step, by the share of its peers: 0.5, 0.95, or 1, all.",
    "share",
)
BOUND = _gauge("step_bound_seconds", "When the last could complete at best on the calibrated links.")
EFFICIENCY = _gauge("step_efficiency_ratio", "Bound over last completion.")
GOODPUT = _gauge("step_goodput_bytes_per_second", "Verified bytes of all peers over the last completion.")
ORIGIN = _gauge("step_origin_bytes", "Payload bytes that the origin sent.")
OFFLOAD = _gauge("step_origin_offload_ratio", "Share of verified bytes that did not come from the origin.")
FAIRNESS = _gauge("step_fairness_ratio", "Jain's index of completion times.")
VALID = _gauge("step_valid", "1 when the row counts, 0 when it does not.")
CPU_PER_GIB = _gauge("step_cpu_seconds_per_gib", "CPU time for each GiB delivered, by role.", "role")

# Machines, once a second.
CPU = _counter(
    "role_cpu_seconds", "CPU time of a role's processes since the step's start; machine is all of it.", "role"
)
MEMORY = _gauge("role_resident_memory_bytes", "Resident memory of a role's processes.", "role")
SWITCHES = _counter(
    "role_context_switches",
    "Context switches of a role's processes since the step's start: voluntary, to wait, or involuntary, for others.",
    "role",
    "kind",
)
LINKS = _counter(
    "link_bytes",
    "Bytes since the step's start through the interface that all hosts share, headers and acknowledgements included; "
    "in the loopback lab also other programs'.",
)
DROPS = _counter("backlog_drops", "Packets that the kernel dropped since the step's start, as its backlog was full.")

# Links, as calibrated before the run.
LINK_RATE = Family(
    "link_rate_bytes_per_second",
    Kind.GAUGE,
    "Calibrated payload rate of a class of hosts, up or down, by one flow or many.",
    (*RUN, "class", "direction", "flows"),
)
LINK_FAIRNESS = Family("link_fairness_ratio", Kind.GAUGE, "Jain's index of flows that share the server's uplink.", RUN)

# Lookups, of runs of the scenario `lookup`; `rarity` is the class of an item by the share of nodes that have it.
LOOKUPS = _counter("lookups", "Lookups that ended, by outcome (found or nothing) and rarity.", "outcome", "rarity")
LOOKUP_HOPS = _histogram("lookup_hops", "Hops to the first node found.", HOPS, "rarity")
LOOKUP_MESSAGES = _histogram("lookup_messages", "Messages that a lookup cost the whole network.", MESSAGES, "rarity")
LOOKUP_FIRST = _histogram("lookup_first_peer_seconds", "From a lookup's start to the first peer.", WAITS, "rarity")

# Processes, as their own endpoints tell it, summed over the processes of a role; live alone.
CONNECTIONS = _gauge("role_connections", "Connections open now, by role.", "role")
UPLOADED = _counter(
    "role_uploaded_bytes", "Payload bytes sent, by role; of our HTTP server with the heads of its responses.", "role"
)
DUPLICATES = _counter("duplicate_bytes", "Bytes that peers received although they had them.")
HASH_FAILURES = _counter("hash_failures", "Pieces that were wrong.")
DIVERSITY = _gauge("piece_diversity_ratio", "Copies of the rarest piece over the mean of all, as peers see them.")
RESPONSES = _counter(
    "server_responses", "Responses of the origin's HTTP server, by method and status.", "method", "status"
)
STATES = _gauge(
    "connection_states",
    "Connections that a role's peers choke (choking), that choke them (choked), that they are interested in "
    "(interested), and that are interested in them (wanted).",
    "role",
    "state",
)
PENDING = _gauge("requests_pending", "Blocks that a role's peers have requested and not got yet.", "role")
QUEUES = _gauge(
    "requests_depth", "Blocks that their queues should hold, so that who serves them is never idle.", "role"
)
QUESTIONS = _counter(
    "tracker_questions",
    "What trackers, and supernodes as such, were asked: connect, announce or scrape; supernodes have the role peers.",
    "role",
    "protocol",
    "kind",
)
KNOWN = _gauge("tracker_peers", "Peers that trackers, and supernodes as such, know.", "role")
DATAGRAMS = _counter("tracker_datagrams", "Datagrams of trackers and supernodes, by direction.", "role", "direction")
MATES = _gauge("supernode_neighbours", "Other supernodes that each supernode knows, summed.", "role")
UNHEARD = _gauge("supernode_unheard", "Messages that supernodes dropped for lack of time or refused.", "role")

FAMILIES: tuple[Family, ...] = tuple(each for each in globals().copy().values() if isinstance(each, Family))
