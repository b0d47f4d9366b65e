"""Signs that the machine, not the links, limited a run: read before and after a step, and compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Health:
    """Counters that only grow: packets the machine's receive backlog dropped, and TCP segments sent again in a lab."""

    backlog_drops: int
    retransmitted_segments: int

    def since(self, before: Health) -> Health:
        """What was added since an earlier reading."""
        return Health(
            self.backlog_drops - before.backlog_drops,
            self.retransmitted_segments - before.retransmitted_segments,
        )


def read_health(pid: int) -> Health:
    """Read the counters, those of TCP as process `pid` sees them: any process started in a lab shows the lab's.

    The backlog's belong to the whole machine, for the kernel does not keep them by namespace.
    """
    return Health(backlog_drops(), _tcp_counter(pid, "RetransSegs"))


def backlog_drops() -> int:
    """Packets dropped since the machine started: the sum over CPUs of the second column
    (net/core/net-procfs.c: softnet_seq_show).
    """
    lines = Path("/proc/net/softnet_stat").read_text().splitlines()
    return sum(int(line.split()[1], 16) for line in lines)


def link_bytes(pid: int) -> int:
    """Bytes that have come through `lo`, on which the hosts of every lab live, as process `pid` sees it; raises OSError
    when that has ended.

    A packet counts once, with its headers.
    """
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()
    received = next(line for line in lines if line.strip().startswith("lo:")).partition(":")[2]
    return int(received.split()[0])


def _tcp_counter(pid: int, name: str) -> int:
    lines = [line.split() for line in Path(f"/proc/{pid}/net/snmp").read_text().splitlines()]
    names, values = (line for line in lines if line[0] == "Tcp:")
    return int(values[names.index(name)])
