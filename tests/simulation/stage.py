"""The stage: plays a plan in the simulated lab, with its faults, and lets the judges look at it again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Any

from harness.labs.simulated.hosts import Host, State
from harness.labs.simulated.network import Network
from harness.labs.simulated.overlays import Overlay
from harness.labs.simulated.peers import PORT, Peer
from harness.labs.simulated.rules import Rule, partition, slow
from harness.labs.simulated.trackers import TRACKER_PORT, Tracker
from p2p_node.core import bits
from p2p_node.wire.magnet import Magnet
from p2p_node.wire.metainfo import Metainfo, decode_metainfo, encode_torrent
from tests.simulation.actors import Actor
from tests.simulation.plans import FOREVER, Fault, Kind, Meeting, Plan, Role
from tests.simulation.resuming import resume

LOOK_S = 2.0
"""Virtual seconds between two looks at everything, at first; later as much as an eighth of the time so far."""

ORPHANED_S = 0.25
"""Virtual seconds between two looks at whether seeds can leave."""

MOST_EVENTS = 1_000_000
"""Some fifty times what a swarm takes: it would go on for ever."""

FAST = 10e6
"""The link of the host with the tracker, in bytes per second."""


class Broken(Exception):
    """Something is not as it must be; the text says what."""


class Stage:
    """Plays one plan. `look` is called now and then and raises Broken."""

    def __init__(self, plan: Plan, look: Callable[[Stage], None]) -> None:
        self.plan = plan
        self.rng = Random(f"stage/{plan.seed}")
        self.network = Network(plan.seed, delay_s=plan.delay_s, weather=plan.weather)
        self.clock = self.network.clock
        self.trace: list[tuple[float, str]] = []
        self.center = self.network.add_host(FAST, FAST)
        """The host that others know from the start: it has the tracker, or is in the overlay."""
        self._tracker: Tracker | None = None
        self._overlay: str | None = None
        url = ""
        if plan.meeting in (Meeting.HTTP, Meeting.UDP):
            self._tracker = Tracker(self.center, Random(f"tracker/{plan.seed}"))
            url = self._tracker.url if plan.meeting is Meeting.HTTP else f"udp://{self.center.address}:{TRACKER_PORT}"
        else:
            self._overlay = plan.meeting.value
            Peer(self.center, Random(f"center/{plan.seed}"), overlay=Overlay(self._overlay))
        self.metainfo = _make_torrent(plan.size, plan.piece_length, url)
        self.hosts = [self.network.add_host(member.up, member.down) for member in plan.members]
        self.actors: list[Actor] = []
        """Each member as it is now."""
        self.gone: list[Actor] = []
        """What members were before they crashed."""
        self._look = look
        self._quiet_at = plan.quiet_at
        self._rules: dict[Fault, Rule] = {}
        self._crashed: dict[Fault, Actor] = {}
        self._deaf: dict[Fault, tuple[dict[int, Any], dict[int, Any]]] = {}
        """By fault, who listened on a host before."""
        for number, member in enumerate(plan.members):
            self.actors.append(self._cast(number))
            self.clock.at(member.join_at, self.hosts[number].do, self._join, number)
        for fault in plan.faults:
            self.clock.at(fault.at, self._begin, fault)
            if fault.until < FOREVER and fault.kind is not Kind.RESET:
                self.clock.at(fault.until, self._end, fault)
        self.clock.at(LOOK_S, self._look_around)
        if plan.orphaned:
            self.clock.at(ORPHANED_S, self._orphan)

    def play(self) -> None:
        """Let time pass until everybody who can be complete is, or ought to be. Raises Broken."""
        self.clock.run(until=self.plan.bound, done=self._done)
        if self.clock.happened >= MOST_EVENTS:
            raise Broken(f"no end: {self.clock.happened} events by t = {self.clock.now:.1f}")
        self._look(self)

    def note(self, text: str) -> None:
        """Add a line to the trace."""
        self.trace.append((self.clock.now, text))

    def name_of(self, host: str) -> str:
        """What the trace calls the member at this address."""
        number = next((number for number, own in enumerate(self.hosts) if own.address == host), None)
        return self._name(number) if number is not None else host

    def living(self) -> list[Actor]:
        """Who takes part and whose machine works."""
        return [actor for actor in self.actors if actor.node is not None and not actor.left and not actor.failed]

    @property
    def hopeless(self) -> bool:
        """Whether the honest that are left do not have every piece between them."""
        return not self._whole(actor for actor in self.living() if actor.honest)

    def _whole(self, actors: Iterable[Actor]) -> bool:
        have = 0
        for actor in actors:
            have |= actor.have
        return have == (1 << self.metainfo.piece_count) - 1

    # The play

    def _cast(self, number: int) -> Actor:
        host = self.hosts[number]
        overlay = Overlay(self._overlay, [(self.center.address, PORT)]) if self._overlay is not None else None
        rng = Random(f"actor/{self.plan.seed}/{number}/{len(self.gone)}")
        return Actor(self.plan.members[number], host, rng, overlay, self.note, self.name_of)

    def _join(self, number: int) -> None:
        actor = self.actors[number]
        if actor.left:
            return
        if actor.member.by_magnet:
            self.note(f"{actor.name} seeks the metadata")
            actor.seek(Magnet(self.metainfo.info_hash, trackers=self.metainfo.tracker_urls), actor.member.settings)
        else:
            actor.join(self.metainfo, complete=actor.member.complete)

    def _look_around(self) -> None:
        self._look(self)
        self.clock.at(self.clock.now + max(LOOK_S, self.clock.now / 8), self._look_around)

    def _done(self) -> bool:
        if self.clock.happened >= MOST_EVENTS:
            return True
        if self.clock.happened % 64 or self.clock.now < self._quiet_at:  # asked after each event: seldom is enough
            return False
        return self.hopeless or all(actor.complete for actor in self.living() if actor.honest)

    def _name(self, number: int) -> str:
        member = self.plan.members[number]
        kind = "seed" if member.complete else "peer"
        return f"{kind} {number}" if member.role is Role.HONEST else f"{member.role} {number}"

    def _orphan(self) -> None:
        if not self._whole(actor for actor in self.living() if actor.honest and not actor.member.complete):
            self.clock.at(self.clock.now + ORPHANED_S, self._orphan)
            return
        for actor in self.living():
            if actor.member.complete:
                self.note(f"{actor.name} leaves, as the others have everything")
                self.clock.soon(actor.host.do, actor.leave)

    # The faults

    def _begin(self, fault: Fault) -> None:
        until = f" until t = {fault.until:.1f}" if fault.at < fault.until < FOREVER else ""
        self.note(f"{', '.join(self._name(number) for number in fault.whom) or 'everybody'} {fault.kind}{until}")
        hosts = [self.hosts[number] for number in fault.whom]
        addresses = [host.address for host in hosts]
        if fault.kind is Kind.PARTITION:
            self._add_rule(fault, partition(addresses))
        elif fault.kind is Kind.SLOW:
            self._add_rule(fault, slow(addresses, self.rng.uniform(0.05, 2.0)))
        elif fault.kind is Kind.NO_TRACKER:
            self._deafen(fault, self.center)
        else:
            self._strike(fault, self.actors[fault.whom[0]], hosts[0])

    def _strike(self, fault: Fault, actor: Actor, host: Host) -> None:
        match fault.kind:
            case Kind.DIE | Kind.RESTART if not actor.left:
                self._crashed[fault] = actor
                actor.leave(abrupt=True)
                host.die()
            case Kind.VANISH:
                host.vanish()
                actor.left = True
            case Kind.LEAVE:
                actor.leave()
            case Kind.FREEZE:
                host.freeze()
            case Kind.REFUSE:
                self._deafen(fault, host)
            case Kind.DISK_FULL:
                actor.disk.full = True
            case Kind.DISK_BROKEN:
                actor.disk.broken = True
            case Kind.RESET if host.streams:
                stream = host.streams[self.rng.choice(list(host.streams))]
                self.clock.soon(host.do, stream.break_down)
                self.clock.soon(stream.other.host.do, stream.other.break_down)

    def _end(self, fault: Fault) -> None:
        if fault in self._rules:
            self.network.end_rule(self._rules.pop(fault))
        elif fault.kind is Kind.NO_TRACKER:
            self._listen_again(fault, self.center)
        else:
            self._recover(fault, self.actors[fault.whom[0]], self.hosts[fault.whom[0]])

    def _recover(self, fault: Fault, actor: Actor, host: Host) -> None:
        match fault.kind:
            case Kind.RESTART if self._crashed.get(fault) is actor and actor.nodes and host.state is not State.GONE:
                self._restart(fault.whom[0], actor)
            case Kind.FREEZE:
                host.thaw()
            case Kind.REFUSE if not actor.left:
                self._listen_again(fault, host)
            case Kind.DISK_FULL:
                actor.disk.full = False

    def _restart(self, number: int, before: Actor) -> None:
        have, right = resume(self.metainfo, before.disk.right, self.rng)
        if have & ~right:
            raise Broken(f"{before.name} resumes with wrong pieces: {list(bits.members(have & ~right))}")
        self.gone.append(before)
        actor = self.actors[number] = self._cast(number)
        actor.enter(self.metainfo, have)

    def _deafen(self, fault: Fault, host: Host) -> None:
        self._deaf[fault] = dict(host.accepts), dict(host.hears)
        host.accepts.clear()
        if fault.kind is Kind.NO_TRACKER:
            host.hears.clear()

    def _listen_again(self, fault: Fault, host: Host) -> None:
        accepts, hears = self._deaf.pop(fault)
        host.accepts.update(accepts)
        host.hears.update(hears)

    def _add_rule(self, fault: Fault, rule: Rule) -> None:
        self._rules[fault] = rule
        self.network.add_rule(rule)


def _make_torrent(size: int, piece_length: int, url: str) -> Metainfo:
    """A torrent of zeros, which the simulated payload is."""
    whole, rest = divmod(size, piece_length)
    digests = [hashlib.sha1(bytes(piece_length)).digest()] * whole
    if rest:
        digests.append(hashlib.sha1(bytes(rest)).digest())
    info = {b"length": size, b"name": b"item", b"piece length": piece_length, b"pieces": b"".join(digests)}
    return decode_metainfo(encode_torrent(info, ((url,),) if url else ()))
