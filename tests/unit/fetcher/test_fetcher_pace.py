"""A capped peer's pace, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.contenders.fetcher.pace import Pace


@given(st.floats(1e3, 1e9), st.lists(st.floats(0.01, 1.0), min_size=50, max_size=50), st.floats(0, 0.02))
def test_reading_keeps_the_rate(rate: float, fullness: list[float], lateness: float) -> None:
    """However full each read is and however late the wake-ups, the rate is kept as long as bytes are there."""
    pace, now, received = Pace(rate, 0.0), 0.0, 0
    for part in fullness:
        size = max(1, int(pace.read_size * part))
        received += size
        delay = pace.delay_s(size, now)
        now += delay + lateness * (delay > 0)
    assert now >= received / rate - pace.read_size / rate - 0.05
    assert now <= received / rate + lateness + 1e-6
