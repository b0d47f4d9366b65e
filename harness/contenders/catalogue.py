"""The contenders by name."""

from __future__ import annotations

from collections.abc import Sequence

from harness.contenders.bare import BareContender
from harness.contenders.base import Contender
from harness.contenders.http import CentralContender
from harness.contenders.libtorrent import LibtorrentContender
from harness.contenders.origins import BaselineServer, Nginx
from harness.contenders.own import CommandContender
from harness.contenders.programs import Aria2Contender, TransmissionContender
from harness.contenders.swarm import OverlaySwarmContender, SwarmContender
from harness.errors import UsageError, unknown_name
from harness.scenarios.model import OwnContender

CONTENDERS: tuple[Contender, ...] = (
    CentralContender(
        "http", "a central HTTP server (baseline_server): every byte comes from its uplink", BaselineServer()
    ),
    CentralContender("nginx", "nginx as the central server, with the same client as `http`", Nginx()),
    CentralContender("nginx-curl", "nginx as the central server, with curl as the client", Nginx(), "curl"),
    CentralContender(
        "http-curl", "baseline_server as the central server, with curl as the client", BaselineServer(), "curl"
    ),
    SwarmContender(),
    OverlaySwarmContender("dht", "the swarm, structured: peers are found in a distributed hash table (BEP 5)"),
    OverlaySwarmContender("gossip", "the swarm, unstructured: peers are found by flooding a network of neighbours"),
    LibtorrentContender(),
    Aria2Contender(),
    TransmissionContender(),
    BareContender(),
)


def choose(names: Sequence[str], own: Sequence[OwnContender] = ()) -> list[Contender]:
    """The contenders of these names, `own` ones among them, all able to run here; raises UsageError."""
    by_name = {contender.name: contender for contender in CONTENDERS}
    for each in own:
        if each.name in by_name:
            raise UsageError(f"contender {each.name!r} is there already; give yours another name")
        by_name[each.name] = CommandContender(each)
    chosen = []
    for name in names:
        if name not in by_name:
            raise unknown_name("contender", name, by_name)
        if reason := by_name[name].unavailable():
            raise UsageError(f"contender {name!r} cannot run here: {reason}")
        chosen.append(by_name[name])
    return chosen


def central(own: Sequence[OwnContender] = ()) -> frozenset[str]:
    """The names of the contenders that serve from one server, as all `own` ones do."""
    return frozenset(
        [*(each.name for each in own), *(each.name for each in CONTENDERS if each.origin_is_server)],
    )
