"""A swarm of up to a million peers, piece by piece: who sends what to whom is drawn by lot, links decide how fast.

Time goes in rounds, in each of which the fastest uplink sends one piece. Peers have neighbours in a random mesh. In
each round a peer sends a piece to one that lacks it, turn by turn; a slower uplink saves up for one. As a peer serves
all neighbours that want something side by side, a piece is as many piece-times on its way as there are of these.
Pieces that few have come first. The origin is everybody's neighbour, and sends every piece once before it sends any
twice, as our seeds do.

The rule: no link carries more than its rate, from the beginning to any moment, so no crowd beats its bound.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from harness.analysis.models.crowd import Crowd, Floats, Outcome
from harness.analysis.models.mesh import Matching
from harness.analysis.models.pieces import WORD, Indices, Sets, bits, draw, pick, prefer, set_of, whole, words
from harness.analysis.models.presence import Presence

FEW, SLOTS = 64, 8
"""The origin serves all side by side while they are few, else so many (`p2p_node/core/choker.py`)."""

RARE = (1 / 2, 1 / 8, 1 / 32)
"""A piece that has fewer than this share of the average's copies is preferred; the lower, the more so."""

CHUNK = 1 << 15
"""Peers handled at a time: what is being computed stays in a processor's cache."""

THREADS = 2


def play(crowd: Crowd, seed: int = 0) -> Outcome:
    """Let the crowd download until all are done or nothing moves; the same seed gives the same outcome everywhere."""
    with ThreadPoolExecutor(THREADS) as threads:
        return _Swarm(crowd, seed, threads).play()


class _Swarm:
    """One play. Tables have a row a peer."""

    def __init__(self, crowd: Crowd, seed: int, threads: ThreadPoolExecutor) -> None:
        self._crowd, self._seed, self._threads = crowd, seed, threads
        self._rng = np.random.default_rng(seed)
        fastest = float(crowd.up.max()) or crowd.server_up / crowd.count or 1.0
        self._dt = crowd.size / crowd.pieces / (1 - crowd.overhead) / fastest
        """Seconds in a round."""
        self._up, self._down, self._server_up = crowd.up / fastest, crowd.down / fastest, crowd.server_up / fastest
        """What links carry, in pieces a round."""
        self._presence = Presence(crowd, self._dt, self._rng)
        self._width = words(crowd.pieces)
        self._have = np.zeros((crowd.count, self._width), np.uint64)
        self._asked = np.zeros((crowd.count, self._width), np.uint64)
        """Pieces that a peer has or is being sent."""
        self._missing = np.full(crowd.count, crowd.pieces, np.int32)
        """How many pieces a peer has not got."""
        self._wanted = np.zeros(crowd.count, np.int32)
        """How many it is not being sent either; none before it comes."""
        self._sendable, self._receivable = np.zeros(crowd.count), np.zeros(crowd.count)
        """What links have saved up, in pieces."""
        self._copies = np.zeros(self._width * WORD)
        """How many have, or are being sent, each piece."""
        self._rare: list[Sets] = []
        """Sets of rare pieces, the rarest last."""
        self._quiet = np.zeros(crowd.count, np.bool_)
        """Who has nothing that a neighbour lacks, until it gets another piece or another neighbour."""
        self._waiting = np.zeros(crowd.count, np.bool_)
        """Who may have, but for a neighbour whose downlink is full in this round."""
        self._rates, self._kind = np.unique(self._up, return_inverse=True)
        """The uplinks there are, and which one each peer has."""
        self._whole = whole(crowd.pieces)
        self._has_origin = True
        self._slots: Indices = np.empty(0, np.intp)
        """Whom the origin serves when there are too many to serve all."""
        self._server_sendable = 0.0
        self._from_origin = 0
        """Pieces that the origin has sent, and of these pieces it had not sent before:"""
        self._begun = 0
        self._done = np.full(crowd.count, math.inf)
        self._flights: dict[int, list[list[Indices]]] = {}
        """By the round of arrival, pieces on their way, as places of bits; in a batch of chunks a peer comes once."""
        self._stuck_at: float | None = None

    def play(self) -> Outcome:
        rates = np.concatenate([self._up, self._down, [self._server_up]])
        patience = 2 + math.ceil(1 / float(rates[rates > 0].min(initial=1)))
        number = idle = 0
        while np.isinf(self._done).any() and idle < patience:
            self._land(number)
            self._come_and_go(number)
            moving = self._send(number) or bool(self._flights)
            coming = self._presence.next_arrival
            idle = 0 if moving or coming is not None else idle + 1
            number = coming if coming is not None and not moving and not self._wanted.any() else number + 1
        delivered = self._crowd.count * self._crowd.pieces - int(self._missing.sum())
        piece = self._crowd.size / self._crowd.pieces
        return Outcome(self._done, self._from_origin * piece, delivered * piece, self._stuck_at)

    def _land(self, number: int) -> None:
        """Pieces arrive; who has all of them is done."""
        have = self._have.reshape(-1)

        def land(places: Indices) -> Indices:
            peers = places // (self._width * WORD)
            have[places // WORD] |= bits(places)
            self._quiet[peers] = False
            self._missing[peers] -= 1
            done: Indices = peers[self._missing[peers] == 0]
            return done

        done = [peers for batch in self._flights.pop(number, ()) for peers in self._threads.map(land, batch)]
        finished = np.concatenate(done) if done else np.empty(0, np.intp)
        if finished.size:
            self._done[finished] = number * self._dt
            self._presence.finished(finished, number)

    def _come_and_go(self, number: int) -> None:
        newcomers, left, redrawn = self._presence.advance(number)
        if redrawn or newcomers.size:
            self._quiet[:] = False
        self._copies -= left
        self._wanted[newcomers] = self._crowd.pieces
        self._sendable[newcomers] = self._receivable[newcomers] = 0
        _save(self._sendable, self._up)
        _save(self._receivable, self._down)
        had_origin = self._has_origin
        self._has_origin = self._server_up > 0 and number * self._dt < self._crowd.server_leaves
        if not self._has_origin and (left or had_origin) and self._stuck_at is None:
            self._judge(number)

    def _judge(self, number: int) -> None:
        """Note when those who serve lack something between them, as nobody can bring it any more."""
        serving = self._asked[self._presence.there & (self._up > 0)]
        if (np.bitwise_or.reduce(serving, axis=0) != self._whole).any():
            self._stuck_at = number * self._dt

    def _send(self, number: int) -> int:
        """All send what they may in this round; returns how many pieces left."""
        sent = self._serve_from_origin(number) if self._has_origin else 0
        self._find_rare()
        able = self._presence.there & (self._sendable >= 1) & (self._missing < self._crowd.pieces) & ~self._quiet
        idle = np.flatnonzero(able)
        turns = len(self._presence.mesh)
        wanting = int(np.count_nonzero(self._wanted)) / max(1, int(np.count_nonzero(self._presence.there)))
        side_by_side = max(1, round(min(turns, self._crowd.neighbours) * wanting))
        for turn in range(turns):
            if not idle.size:
                break
            idle, left = self._serve_neighbours(idle, number, turn, side_by_side)
            sent += left
        self._quiet[idle] = ~self._waiting[idle]
        self._waiting[:] = False
        return sent

    def _find_rare(self) -> None:
        copies = self._copies[: self._crowd.pieces]
        rare = {len(pieces): pieces for share in RARE if len(pieces := np.flatnonzero(copies < share * copies.mean()))}
        self._rare = [set_of(pieces, self._width) for pieces in rare.values()]  # each once, though two may be the same

    def _serve_neighbours(self, senders: Indices, number: int, turn: int, side_by_side: int) -> tuple[Indices, int]:
        """Everybody sends to the partner of this turn; returns who had nothing for it, and how many pieces left."""
        matchings = self._presence.mesh
        partners = matchings[(number + turn) % len(matchings)]
        salt = (self._seed << 40) + (number << 8) + turn
        chunks = np.split(senders, range(CHUNK, len(senders), CHUNK))
        served = list(self._threads.map(lambda chunk: self._serve(chunk, partners, salt), chunks))
        for kind, rate in enumerate(self._rates):
            delay = max(1, round(side_by_side / float(rate))) if rate else 1
            batch = [places[self._kind[who] == kind] for who, places, _ in served]
            if batch := [places for places in batch if places.size]:
                self._flights.setdefault(number + delay, []).append(batch)
        for _, places, _ in served:
            self._count(places)
        return np.concatenate([idle for _, _, idle in served]), sum(len(who) for who, _, _ in served)

    def _count(self, places: Indices) -> None:
        self._copies += np.bincount(places % len(self._copies), minlength=len(self._copies))

    def _serve(self, senders: Indices, partners: Matching, salt: int) -> tuple[Indices, Indices, Indices]:
        """Who sends a piece to its partner, the pieces' places, and who does not."""
        receivers = partners.take(senders)
        wants = (self._wanted.take(receivers) > 0) & (receivers != senders)
        room = wants & (self._receivable.take(receivers) >= 1)
        self._waiting[senders[wants & ~room]] = True
        able, to = senders[room], receivers[room]
        useful = self._have.take(able, axis=0) & ~self._asked.take(to, axis=0)
        for rare in self._rare:
            useful = prefer(useful, rare)
        pieces, found = pick(useful, draw(able.astype(np.uint64), salt))
        room[room] = found
        able, to, pieces = able[found], to[found], pieces[found]
        self._sendable[able] -= 1
        return able, self._promise(to, pieces), senders[~room]

    def _promise(self, to: Indices, pieces: Indices) -> Indices:
        """Each of these peers, all different, is being sent a piece from now on; returns the pieces' places."""
        asked = self._asked.reshape(-1)
        places = to * (self._width * WORD) + pieces
        asked[places // WORD] |= bits(places)
        self._wanted[to] -= 1
        self._receivable[to] -= 1
        return places

    def _unchoked(self) -> Indices:
        """The peers that the origin may send to now: all while they are few, else those it served, as long as these
        want something, and others by lot in the place of who does not."""
        wanting = np.flatnonzero(self._wanted)
        if len(wanting) > FEW:
            self._slots = self._slots[self._wanted[self._slots] > 0]
            if len(self._slots) < SLOTS:
                drawn = self._rng.choice(wanting, SLOTS - len(self._slots), replace=False)
                self._slots = np.unique(np.concatenate([self._slots, drawn]))
            wanting = self._slots
        return wanting[self._receivable[wanting] >= 1]

    def _serve_from_origin(self, number: int) -> int:
        """The origin sends to peers by lot what it has saved up for; returns how many pieces left."""
        self._server_sendable += self._server_up
        before = self._from_origin
        while self._server_sendable >= 1:
            open_to = self._unchoked()
            if not open_to.size:
                self._server_sendable = min(self._server_sendable, 1)
                break
            drawn = self._rng.integers(len(open_to), size=min(int(self._server_sendable), len(open_to)))
            to = open_to[np.unique(drawn)]
            first = np.arange(self._begun, min(self._begun + len(to), self._crowd.pieces), dtype=np.intp)
            others = to[len(first) :]
            lots = draw(others.astype(np.uint64), (self._seed << 40) + self._from_origin)
            again, _ = pick(~self._asked[others] & self._whole, lots)
            side_by_side = len(open_to) if len(open_to) <= FEW else SLOTS
            places = self._promise(to, np.concatenate([first, again]))
            self._count(places)
            delay = max(1, round(side_by_side / self._server_up))
            self._flights.setdefault(number + delay, []).append([places])
            self._begun += len(first)
            self._from_origin += len(to)
            self._server_sendable -= len(to)
        return self._from_origin - before


def _save(saved: Floats, rate: Floats) -> None:
    """A link saves up for one piece, and for what it carries in a round; what it could have carried besides is lost."""
    saved += rate
    np.minimum(saved, 1 + rate, out=saved)
