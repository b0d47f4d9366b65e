"""Records as a run would leave them, for tests of what reads them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.schema import CpuPerGiB, Median, Quantiles, Row, Sample, Sources, Transfer

MIB = 2**20


@dataclass(frozen=True)
class Step:
    contender: str = "swarm"
    peers: int = 2
    repeat: int = 0


def transfer(host: str = "peer-1", **changes) -> Transfer:
    fields = {
        "contender": "swarm",
        "peers": 2,
        "repeat": 0,
        "host": host,
        "intended_s": 0.0,
        "started_s": 0.001,
        "first_byte_s": 0.25,
        "done_s": 4.0,
        "bytes": 8 * MIB,
        "ok": True,
        "error": None,
        "sources": Sources(origin=2 * MIB, peers=6 * MIB),
        "wasted_bytes": 0,
    }
    return Transfer(**{**fields, **changes})


def sample(role: str, at_s: float, cpu_s: float = 0.0, rss_bytes: int = 0) -> Sample:
    return Sample("swarm", 2, 0, at_s, role, cpu_s, rss_bytes)


def row(
    contender: str, peers: int, last: float | None, *, repeat: int = 0, invalid: str | None = None, **changes
) -> Row:
    """A row of `peers` transfers of 8 MiB whose last was done after `last` seconds."""
    delivered = peers * 8 * MIB
    origin = delivered if contender == "http" else 8 * MIB
    bound = (peers * 1.7 if contender == "http" else 1.7 * peers / (1 + 0.2 * peers)) if last is None else last * 0.9
    fields = {
        "contender": contender,
        "peers": peers,
        "repeat": repeat,
        "lab": "namespace",
        "valid": invalid is None,
        "invalid_reason": invalid,
        "completed": peers if last else 0,
        "failed": 0 if last else peers,
        "completion_s": Quantiles(last and last * 0.8, last and last * 0.95, last and last * 0.99, last),
        "first_byte_s": Median(last and 0.05),
        "goodput_bytes_per_s": last and delivered / last,
        "bound_s": bound,
        "efficiency": last and bound / last,
        "origin_bytes": origin if last else 0,
        "origin_offload": last and 1 - origin / delivered,
        "wasted_bytes": 0,
        "cpu_s_per_gib": CpuPerGiB(0.3, 1.1, 0.4) if last else CpuPerGiB(None, None, None),
        "peak_rss_bytes": 50 * MIB,
        "fairness_jain": last and 0.99,
        "late_starts": 0,
    }
    return Row(**{**fields, **changes})
