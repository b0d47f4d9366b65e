"""Records as a run would leave them, for tests of what reads them."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.schema import (
    Calibration,
    CpuPerGiB,
    Environment,
    LinkRate,
    Quantiles,
    Row,
    Sample,
    Sources,
    Summary,
    Transfer,
)
from harness.scenarios.model import Arrival, Content, Demand, Link, Links, Scenario

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
        "first_byte_s": Quantiles(last and 0.05),
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


SCENARIO = Scenario(
    name="flash-crowd",
    title="Flash crowd",
    description="Everybody wants the same file at the same moment.",
    content=Content(8 * MIB, 32 * 1024),
    links=Links(Link(5e6, 5e6), Link(1e6, 4e6), 0.0),
    demand=Demand(Arrival.FLASH, 0.0),
    contenders=("http", "swarm"),
    peers=(1, 2, 4, 8, 16, 32),
    repeats=3,
    seed=1,
)

ENVIRONMENT = Environment(
    machine={"processor": "a processor", "cores": 2, "memory_bytes": 8 << 30},
    kernel="6.1.0",
    python="3.11.2",
    versions={"swarmbench": "0.1.0"},
    revision="0123abc",
    lab="namespace",
    congestion_control="reno",
    calibration=Calibration(
        4.78e6,
        0.956e6,
        0.9355e6,
        3.82e6,
        0.0001,
        links=[
            LinkRate("server", "up", 5e6, 4.782e6, 4.78e6, 4, 0.999),
            LinkRate("peer", "up", 1e6, 0.9564e6, 0.956e6, 4, 0.998),
            LinkRate("peer", "up, while receiving", 1e6, 0.936e6, 0.9355e6, 1),
            LinkRate("peer", "down", 4e6, 3.826e6, 3.82e6, 8, 0.997),
        ],
    ),
    command=["swarmbench", "run", "flash-crowd", "--out", "a directory"],
)

LASTS = {
    "http": {1: 1.85, 2: 3.6, 4: 7.1, 8: 14.2, 16: 28.3, 32: 56.5},
    "swarm": {1: 1.9, 2: 2.6, 4: 3.9, 8: 5.6, 16: 7.6, 32: 8.3},
}


def summary(rows: list[Row], *, complete: bool = True, title: str = "Flash crowd") -> Summary:
    return Summary(1, "flash-crowd", title, "namespace", complete, rows)


def whole_run() -> tuple[Summary, list[Transfer]]:
    """Three repeats of a flash crowd from 1 to 32 peers."""
    rows = [
        row(name, peers, last * (1 + repeat / 50), repeat=repeat)
        for repeat in range(3)
        for name, lasts in LASTS.items()
        for peers, last in lasts.items()
    ]
    return summary(rows), [transfer for row in rows for transfer in transfers_of(row)]


def transfers_of(row: Row) -> list[Transfer]:
    """Peers that are done one after the other, from 90 % of the last one's time on."""
    last = row.completion_s.last or 0.0
    return [
        transfer(
            f"peer-{i}",
            contender=row.contender,
            peers=row.peers,
            repeat=row.repeat,
            done_s=last * (0.9 + 0.1 * i / row.peers),
        )
        for i in range(1, row.peers + 1)
    ]
