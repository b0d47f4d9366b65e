"""Judges: what must hold in every swarm, whatever goes wrong in it.

They look into the core, also at what is nobody else's business: how much it remembers.
"""

from __future__ import annotations

from collections import Counter

from p2p_node.core import bits
from p2p_node.core.dialer import MAX_HALF_OPEN, MAX_KNOWN, SPARE
from p2p_node.core.downloader import MAX_QUEUE, MAX_UNVERIFIED
from p2p_node.core.lanes import MOST
from p2p_node.core.node import Node
from p2p_node.core.uploader import MAX_UPLOADS
from tests.simulation.actors import Actor
from tests.simulation.stage import Broken, Stage

UNSENT = 2 * MOST
"""Bytes written to a connection that have not left: a turn, and what is said between the blocks."""


def look(stage: Stage) -> None:
    """What must hold at every moment. Raises Broken."""
    for actor in stage.actors:
        _trusts_only_right_pieces(actor)
        if actor in stage.living() and isinstance(actor.node, Node):
            _keeps_little(actor, actor.node)
            _asks_for_what_is_missing(actor, actor.node)
    for actor in (*stage.actors, *stage.gone):
        _bans_only_liars(stage, actor)
    _links_are_not_exceeded(stage)


def look_back(stage: Stage) -> None:
    """What must hold when all that could happen has happened. Raises Broken."""
    honest = {actor.address: actor for actor in stage.living() if actor.honest}
    everything = (1 << stage.metainfo.piece_count) - 1
    for actor in honest.values():
        if actor.complete:
            _has_tidied_up(actor)
            continue
        circle = _circle(actor, honest)
        have = actor.have
        for other in circle:
            have |= other.have
        count = f"{actor.have.bit_count()} of {stage.metainfo.piece_count} pieces"
        if have == everything:
            raise Broken(f"{actor.name} is stuck with {count}, though its neighbours have all of them")
        if stage.plan.findable and not stage.hopeless:
            raise Broken(f"{actor.name} is stuck with {count}, and does not find who has the others")


def _trusts_only_right_pieces(actor: Actor) -> None:
    if actor.disk.protests:
        raise Broken(f"{actor.name} {actor.disk.protests[0]}")
    if wrong := actor.have & ~actor.disk.right:
        raise Broken(f"{actor.name} takes pieces for right that are not: {list(bits.members(wrong))}")


def _keeps_little(actor: Actor, node: Node) -> None:
    settings = actor.member.settings
    swarm = node.swarm
    most = {
        "connections": (len(swarm.connections), settings.max_connections + MAX_HALF_OPEN),
        "known addresses": (len(node._dialer.untried()), MAX_KNOWN + SPARE + MAX_HALF_OPEN),
    }
    for what, (count, limit) in most.items():
        if count > limit:
            raise Broken(f"{actor.name} has {count} {what}, more than {limit}")
    for peer in swarm.connections.values():
        if len(peer.pending) > MAX_QUEUE or peer.uploads_count > MAX_UPLOADS:
            raise Broken(f"{actor.name} asks for {len(peer.pending)} blocks, or is asked for {peer.uploads_count}")
    for stream in actor.host.streams.values():
        if stream.unsent > UNSENT:
            raise Broken(f"{actor.name} has {stream.unsent} bytes unsent on one connection")
    if swarm.downloader._unverified > MAX_UNVERIFIED:
        raise Broken(f"{actor.name} holds {swarm.downloader._unverified} bytes that are not verified")
    if leaked := actor.disk.held.keys() - swarm.downloader.picker.partials.keys():
        raise Broken(f"{actor.name} keeps blocks of pieces that it does not fetch: {sorted(leaked)}")


def _asks_for_what_is_missing(actor: Actor, node: Node) -> None:
    partials = node.swarm.downloader.picker.partials
    for peer in node.swarm.connections.values():
        for run in peer.pending:
            partial = partials.get(run.piece)
            if run.blocks & ~(partial.missing if partial is not None else 0):
                raise Broken(f"{actor.name} waits for blocks of piece {run.piece} that it has")


def _bans_only_liars(stage: Stage, actor: Actor) -> None:
    honest = {host.address for host, member in zip(stage.hosts, stage.plan.members, strict=True) if not member.lies}
    for node in actor.nodes:
        trust = node.swarm.downloader.picker.trust
        for address in actor.met:
            if address[0] in honest and trust.is_banned(address):
                raise Broken(f"{actor.name} has banned {stage.name_of(address[0])}, who did not lie")


def _links_are_not_exceeded(stage: Stage) -> None:
    now = stage.clock.now
    sent: Counter[str] = Counter()
    for actor in (*stage.actors, *stage.gone):
        sent.update(actor.heard)
    for host, member in zip(stage.hosts, stage.plan.members, strict=True):
        if sent[host.address] > member.up * max(now - member.join_at, 0.0):
            raise Broken(f"{stage.name_of(host.address)} has sent more than its uplink can")


def _has_tidied_up(actor: Actor) -> None:
    assert isinstance(actor.node, Node)
    downloader = actor.node.swarm.downloader
    if downloader.picker.partials or downloader._unverified or downloader._requests.count or actor.disk.held:
        raise Broken(f"{actor.name} is complete, and still has pieces in progress")


def _circle(actor: Actor, honest: dict[tuple[str, int], Actor]) -> set[Actor]:
    """The honest peers that this one is connected to, over others of them as well."""
    by_host = {address[0]: other for address, other in honest.items()}
    found, to_see = {actor}, [actor]
    while to_see:
        one = to_see.pop()
        assert one.node is not None
        for address in [stream.address for stream in one.host.streams.values() if stream.owner is one]:
            other = by_host.get(address[0])
            if other is not None and other not in found:
                found.add(other)
                to_see.append(other)
    return found
