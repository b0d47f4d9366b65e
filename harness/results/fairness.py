"""Fairness of an allocation, as links and peers are judged by it."""

from __future__ import annotations

from collections.abc import Sequence


def jain(rates: Sequence[float]) -> float:
    """Fairness of an allocation: 1 when all get the same, 1/n when one gets everything.

    (Σx)² / (n·Σx²), from R. Jain, D. Chiu, W. Hawe, DEC-TR-301, 1984. Nobody getting anything is fair.
    """
    largest = max(rates)
    if largest == 0:
        return 1.0
    shares = [rate / largest for rate in rates]  # so that squares neither overflow nor vanish
    return sum(shares) ** 2 / (len(shares) * sum(share**2 for share in shares))
