"""Laying out links in this network namespace, by netlink: HTB by source on `lo`, HTB by destination on an `ifb`.

    process -> lo: class of its source (uplink) -> lo ingress -> ifb: class of its destination (downlink) -> process

A link's rate counts Ethernet frames, so payload tops out at 1448/1514 = 0.956 of it. The reasons and measurements
stand in docs/decisions/0005-namespace-lab.md. Only ever run inside a namespace of our own: it takes over `lo`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.protocols import ETH_P_IP

from harness.labs.namespace import classifier
from harness.labs.namespace.pipe import Layout, Link

MTU = 1500
FRAME = MTU + 14
QUEUE_PACKETS = 10_000
"""Room in each class's queue: TCP's own limits on data in flight come first, so the links drop nothing.

The price is delay: a downlink that several senders fill holds seconds of data (measured: 7 s at 32 Mbit/s)."""
QUANTUM = 2 * MTU
BURST_S = 0.002
"""How much of a link's rate may go out at once: the kernel's timers are that coarse."""
STRAY_ADDRESS = "10.1.255.254"
STRAY_CLASS = 0xFFFF
"""Takes what no host sent: a socket that was not bound to a host's address gets one link for all, and a slow one."""
BUSY_LAB = 250e6 / 8
"""Above this sum of rates, one frame at a time costs a quarter of two cores, and now and then overruns the receive
backlog: a swarm of 32 peers on 8 Mbit/s lost 40 to 1,700 packets a run, and none with four frames in one (ADR 0005)."""
BUSY_GSO_BYTES = 6000
NETEM_PACKETS = 100_000
INGRESS = 0xFFFF0000
_TO_LAB = "0x0a010000/0xffff0000+16"
"""u32 key: the IPv4 destination, 16 bytes into the header, is in 10.1.0.0/16."""

_CONGESTION_CONTROL = Path("/proc/sys/net/ipv4/tcp_congestion_control")
_SYSCTLS = {
    # A rootless namespace may choose reno or bbr; bbr over a thousand flows is lossy and uneven.
    _CONGESTION_CONTROL: "reno",
    # Remembering the last connection's slow-start threshold would make a step depend on the one before it.
    Path("/proc/sys/net/ipv4/tcp_no_metrics_save"): "1",
    # Two packets of each flow in its host's queue at a time (TCP small queues): left to itself the kernel allows a flow
    # more the faster it is, and two downloads over one uplink then share it two to one. Flows share evenly, as with the
    # fair queues that Linux hosts have by default and this kernel may lack.
    Path("/proc/sys/net/ipv4/tcp_limit_output_bytes"): "4608",
}


class MissingFeatureError(Exception):
    """This kernel lacks something a lab needs; the message says what, and what to do."""


class NoDelayError(MissingFeatureError):
    """This kernel cannot delay or lose packets."""


def lay_out(layout: Layout) -> str:
    """Shape these links; returns the congestion control in force. Raises MissingFeatureError, NoDelayError."""
    for sysctl, value in _SYSCTLS.items():
        with suppress(OSError):  # read-only in some containers: the lab works, and reports what is in force
            sysctl.write_text(value)
    with IPRoute() as ip:
        lo = ip.link_lookup(ifname="lo")[0]
        _open(ip, lo, _largest_packet(layout.links))
        ifb = _add_ifb(ip)
        _redirect_arrivals(ip, lo, ifb)
        _shape(ip, lo, classifier.SOURCE, {link.address: link.up for link in layout.links})
        _shape(ip, ifb, classifier.DESTINATION, {link.address: link.down for link in layout.links})
        if layout.delay > 0 or layout.loss > 0:
            _delay(ip, lo, layout)
    return _CONGESTION_CONTROL.read_text().strip()


def _largest_packet(links: list[Link]) -> dict[str, int]:
    """One frame at a time is exact; a busy lab saves CPU with four in one."""
    carried = min(sum(link.up for link in links), sum(link.down for link in links))
    return {"gso_max_segs": 1} if carried <= BUSY_LAB else {"gso_max_size": BUSY_GSO_BYTES}


def _open(ip: Any, lo: int, largest_packet: dict[str, int]) -> None:
    """Bring up `lo` with every address of the lab's network on it."""
    with _needing("the settings of the loopback interface", "run a kernel newer than 4.16"):
        ip.link("set", index=lo, mtu=MTU, txqlen=QUEUE_PACKETS, state="up", **largest_packet)
        ip.addr("add", index=lo, address=STRAY_ADDRESS, prefixlen=classifier.NETWORK.split("/")[1])


def _add_ifb(ip: Any) -> int:
    with _needing("ifb interfaces", "load them with: modprobe ifb"):
        ip.link("add", ifname="downlinks", kind="ifb", txqlen=QUEUE_PACKETS)
        ifb = ip.link_lookup(ifname="downlinks")[0]
        ip.link("set", index=ifb, mtu=MTU, state="up")
        return int(ifb)


def _redirect_arrivals(ip: Any, lo: int, ifb: int) -> None:
    """Send what arrives for a host of the lab through the ifb first."""
    with _needing("redirection of arriving packets", "load it with: modprobe -a sch_ingress cls_u32 act_mirred"):
        ip.tc("add", "ingress", lo)
        redirect = {"kind": "mirred", "direction": "egress", "action": "redirect", "ifindex": ifb}
        match = {"protocol": ETH_P_IP, "keys": [_TO_LAB], "target": classifier.MAJOR}
        ip.tc("add-filter", "u32", lo, parent=INGRESS, prio=1, **match, action=redirect)


def _shape(ip: Any, index: int, offset: int, rates: dict[str, float]) -> None:
    """Give each address a class of its own on interface `index`, and strays the slowest link there is."""
    with _needing("the HTB scheduler", "load it with: modprobe sch_htb"):
        ip.tc("add", "htb", index, classifier.MAJOR, default=STRAY_CLASS)
        for address, rate in rates.items():
            _add_class(ip, index, _minor(address), rate)
        _add_class(ip, index, STRAY_CLASS, min(rates.values()))
    with _needing("BPF packet classifiers", "load them with: modprobe cls_bpf"):
        classifier.add(ip, index, offset=offset)


def _add_class(ip: Any, index: int, minor: int, rate: float) -> None:
    whole = max(1, round(rate))
    burst = max(2 * FRAME, round(rate * BURST_S))
    ip.tc(
        "add-class",
        "htb",
        index,
        classifier.MAJOR | minor,
        parent=classifier.MAJOR,
        rate=whole,
        ceil=whole,
        burst=burst,
        cburst=burst,
        quantum=QUANTUM,
    )


def _minor(address: str) -> int:
    """The low 16 bits of an address."""
    high, low = address.split(".")[2:]
    return int(high) << 8 | int(low)


def _delay(ip: Any, lo: int, layout: Layout) -> None:
    """Hold each packet for the one-way delay when it has passed its uplink, or lose it there."""
    try:
        for link in layout.links:
            parent = classifier.MAJOR | _minor(link.address)
            how = {"delay": round(layout.delay * 1e6), "loss": layout.loss * 100, "limit": NETEM_PACKETS}
            ip.tc("add", "netem", lo, parent=parent, **how)
    except NetlinkError as error:
        raise NoDelayError(
            f"this kernel cannot delay or lose packets (no netem: {error.args[1]}); "
            "set links.delay=0s and links.loss=0%, "
            "or load it with: modprobe sch_netem"
        ) from error


@contextmanager
def _needing(feature: str, remedy: str) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        raise MissingFeatureError(f"this kernel refuses {feature} ({error.args[1]}); {remedy}") from error
