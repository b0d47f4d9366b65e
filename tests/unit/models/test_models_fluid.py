"""The fluid model against values computed by hand, against another solver, and against Little's law."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from harness.analysis.models.fluid import (
    State,
    Torrent,
    download_rate,
    download_time,
    effectiveness,
    over_time,
    steady,
)

UPLINKS_LIMIT = Torrent(arrivals=0.04, up=0.00125, down=0.002, departures=0.005, abandons=0.001)
"""1/c = 500 s, 1/μ − 1/γ = 800 − 200 = 600 s; so β = 1/600, and 1/(θ + β) = 375 s."""

DOWNLINKS_LIMIT = Torrent(arrivals=0.04, up=0.00125, down=0.002, departures=0.001)
"""Seeds stay for 1000 s, longer than an upload of 800: downlinks alone limit, 500 s."""


def test_values_by_hand():
    """0.04 · 375 = 15 downloaders; 0.04/(0.005 · 1.6) = 5 seeds."""
    assert download_rate(UPLINKS_LIMIT) == pytest.approx(1 / 600)
    assert download_time(UPLINKS_LIMIT) == pytest.approx(375)
    assert steady(UPLINKS_LIMIT) == pytest.approx((15, 5))
    assert download_time(DOWNLINKS_LIMIT) == pytest.approx(500)
    assert steady(DOWNLINKS_LIMIT) == pytest.approx((20, 40))


def test_pieces_and_neighbours_make_uplinks_useful():
    """(ln 100/100)² = 0.0021: two neighbours are nearly enough; with one piece nobody has anything to trade."""
    assert effectiveness(100, 2) == pytest.approx(1 - 0.0021207, abs=1e-6)
    assert effectiveness(1, 16) == 0


@pytest.mark.parametrize("torrent", [UPLINKS_LIMIT, DOWNLINKS_LIMIT])
def test_numbers_settle_where_theory_says(torrent):
    """From one seed, after some twenty times the longest time there is in it."""
    assert over_time(torrent, 20_000, 4000, State(0, 1))[-1] == pytest.approx(steady(torrent), rel=1e-3)


def test_the_way_there_is_that_of_another_solver():
    """SciPy's Runge–Kutta of orders 4 and 5, at every hundred seconds."""

    def change(_: float, at: list[float]) -> list[float]:
        t = UPLINKS_LIMIT
        served = min(t.down * at[0], t.up * (t.effectiveness * at[0] + at[1]))
        return [t.arrivals - t.abandons * at[0] - served, served - t.departures * at[1]]

    theirs = solve_ivp(change, (0, 2000), [0, 1], t_eval=range(0, 2001, 100), rtol=1e-8, max_step=5).y.T
    ours = over_time(UPLINKS_LIMIT, 2000, 2000, State(0, 1))[::100]
    for state, other in zip(ours, theirs, strict=True):
        assert state == pytest.approx(tuple(other), abs=0.02)


@given(
    arrivals=st.floats(1e-4, 10),
    up=st.floats(1e-4, 1e-1),
    down=st.floats(1e-4, 1),
    departures=st.floats(1e-4, 1),
    abandons=st.floats(0, 1e-2),
    share=st.floats(0.1, 1),
)
def test_a_steady_state_changes_nothing(arrivals, up, down, departures, abandons, share):
    """What comes is what leaves, seeds are made as they go, and Little's law gives the time of a download."""
    torrent = Torrent(arrivals, up, down, departures, abandons, share)
    there = steady(torrent)
    completed = departures * there.seeds
    assert completed + abandons * there.downloads == pytest.approx(arrivals)
    assert torrent.served(there) == pytest.approx(completed)
    assert there.downloads == pytest.approx(arrivals * download_time(torrent))
