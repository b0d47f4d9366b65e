"""A swarm under steady arrivals as a fluid: how many download, how many seed, and how long a download takes.

Source: D. Qiu, R. Srikant, "Modeling and Performance Analysis of BitTorrent-Like Peer-to-Peer Networks", SIGCOMM 2004,
sections 3.1 to 3.3. x downloaders and y seeds change by

    dx/dt = λ − θx − min(cx, μ(ηx + y))        dy/dt = min(cx, μ(ηx + y)) − γy
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Torrent:
    """Rates in files per second, for each peer where they are peers': uplink μ, downlink c, and how often peers come
    (λ, in all), leave as seeds (γ, infinite if at once) and give up (θ)."""

    arrivals: float
    up: float
    down: float
    departures: float
    abandons: float = 0.0
    effectiveness: float = 1.0
    """η, from 0 to 1: how much of the uplinks downloaders find a use for among themselves."""

    def served(self, state: State) -> float:
        """Files per second that are completed."""
        return min(self.down * state.downloads, self.up * (self.effectiveness * state.downloads + state.seeds))


class State(NamedTuple):
    """Peers that download, and peers that have everything."""

    downloads: float
    seeds: float


def effectiveness(pieces: int, neighbours: float) -> float:
    """η ≈ 1 − (log M / M)^k for M pieces and k neighbours (section 3.3), the likelihood that one of them lacks
    something that a downloader has."""
    return 1 - (math.log(pieces) / pieces) ** neighbours if pieces > 1 else 0.0


def download_rate(torrent: Torrent) -> float:
    """β: 1/β = max(1/c, (1/μ − 1/γ)/η), the time of a download that nobody gives up (section 3.1)."""
    by_uplinks = (1 / torrent.up - 1 / torrent.departures) / torrent.effectiveness
    return 1 / max(1 / torrent.down, by_uplinks)


def steady(torrent: Torrent) -> State:
    """Where the numbers settle: x̄ = λ/(β(1 + θ/β)), ȳ = λ/(γ(1 + θ/β))."""
    rate = download_rate(torrent)
    completed = torrent.arrivals / (1 + torrent.abandons / rate)
    return State(completed / rate, completed / torrent.departures)


def download_time(torrent: Torrent) -> float:
    """Seconds that a peer downloads for on average, by Little's law: 1/(θ + β)."""
    return 1 / (torrent.abandons + download_rate(torrent))


def over_time(torrent: Torrent, duration: float, steps: int, start: State) -> list[State]:
    """The numbers at so many equal steps from the start on, the start included (Heun's method)."""
    dt = duration / steps
    states = [start]
    for _ in range(steps):
        now = states[-1]
        first = _change(torrent, now)
        ahead = State(now.downloads + dt * first.downloads, now.seeds + dt * first.seeds)
        second = _change(torrent, ahead)
        states.append(
            State(
                max(0.0, now.downloads + dt * (first.downloads + second.downloads) / 2),
                max(0.0, now.seeds + dt * (first.seeds + second.seeds) / 2),
            )
        )
    return states


def _change(torrent: Torrent, state: State) -> State:
    served = torrent.served(state)
    return State(
        torrent.arrivals - torrent.abandons * state.downloads - served, served - torrent.departures * state.seeds
    )
