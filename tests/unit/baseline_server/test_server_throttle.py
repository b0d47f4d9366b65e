"""The token bucket of the shared uplink, in virtual time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from baseline_server.throttle import BURST_S, TokenBucket


def sent_by(bucket: TokenBucket, start: float, end: float, lateness: float) -> tuple[int, float]:
    """Bytes a busy sender gets out until `end` when each wake-up is `lateness` late, and when it ended."""
    now, sent = start, 0
    while True:
        wait = bucket.wait_s(now)
        if wait:
            now += max(wait, 1e-6) + lateness
            if now >= end:
                return sent, now
            continue
        bucket.spend(bucket.turn)
        sent += bucket.turn


@given(st.floats(1e3, 1e9), st.floats(0, BURST_S / 4))
def test_a_busy_uplink_sends_at_its_rate(rate: float, lateness: float) -> None:
    """Late wake-ups cost nothing as long as they are shorter than the burst."""
    bucket = TokenBucket(rate, 0.0)
    sent, ended = sent_by(bucket, 0.0, 500 * bucket.turn / rate + 100 * lateness, lateness)
    assert abs(sent - rate * ended) <= 2 * bucket.turn + rate * lateness


def test_idleness_earns_nothing() -> None:
    """After a pause no more than one turn may leave at once: a link does not save up."""
    bucket = TokenBucket(1e6, 0.0)
    bucket.resume(1000.0)
    bucket.spend(bucket.turn)
    assert bucket.wait_s(1000.0) > 0.0


def test_a_debt_is_waited_for() -> None:
    """A turn that went over its share delays the next by as much."""
    bucket = TokenBucket(1e6, 0.0)
    bucket.wait_s(1.0)
    bucket.spend(1_000_000)
    assert 0.9 < bucket.wait_s(1.0) < 1.1
