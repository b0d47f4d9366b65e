"""Two runs compared: what counts as a difference, and what does not."""

from __future__ import annotations

from random import Random

import pytest
from records import row, summary
from scipy.stats import mannwhitneyu

from harness.analysis.difference import Verdict, differences, ratio_interval
from harness.results.schema import Summary


def run(lasts: list[float], peers: int = 4) -> Summary:
    return summary([row("swarm", peers, last, repeat=repeat) for repeat, last in enumerate(lasts)])


def verdict(first: list[float], second: list[float]) -> Verdict:
    [difference] = differences(run(first), run(second))
    return difference.verdict


def test_a_clear_difference_is_told_with_its_amount() -> None:
    """Five repeats each, none of which overlap."""
    [found] = differences(run([10, 10.1, 9.9, 10.2, 10]), run([12, 12.1, 11.9, 12.2, 12]))
    assert (found.verdict, found.told) == (Verdict.MORE, "20% more")
    assert found.interval is not None and 1.1 < found.interval.low < 1.2 < found.interval.high < 1.3
    assert verdict([12, 12.1, 11.9, 12.2], [10, 10.1, 9.9, 10.2]) is Verdict.LESS


def test_a_small_difference_is_none_however_sure_it_is() -> None:
    """Four per cent, without any overlap: two runs of the same differ by as much."""
    assert verdict([10, 10.01, 10.02, 10.03, 10.04], [10.4, 10.41, 10.42, 10.43, 10.44]) is Verdict.SAME


def test_a_large_difference_within_the_scatter_is_none() -> None:
    """The interval holds 1."""
    assert verdict([8, 10, 12, 14, 9], [10, 13, 9, 15, 11]) is Verdict.SAME


def test_few_repeats_cannot_tell_a_difference() -> None:
    """Three have no interval of 95 %; what is close is close all the same, and the row says what it rests on."""
    assert verdict([10, 10.1, 10.2], [12, 12.1, 12.2]) is Verdict.UNKNOWN
    [close] = differences(run([10]), run([10.2]))
    assert close.told == "no difference, as far as 1 repeat can tell"


def test_invalid_rows_do_not_count() -> None:
    """A side without a valid row has nothing to say."""
    bad = summary([row("swarm", 4, 10.0, invalid="the machine was saturated")])
    [found] = differences(run([10, 10, 10, 10]), bad)
    assert (found.verdict, found.second) == (Verdict.UNKNOWN, None)


@pytest.mark.parametrize("shape", [(4, 4), (5, 5), (6, 9)])
def test_the_interval_ends_where_the_rank_sum_test_begins_to_reject(shape: tuple[int, int]) -> None:
    """SciPy's exact test agrees: shifted by a ratio inside it is not rejected, by one outside it is."""
    rng = Random(7)
    first = [rng.lognormvariate(0, 0.2) for _ in range(shape[0])]
    second = [rng.lognormvariate(0.1, 0.2) for _ in range(shape[1])]
    interval = ratio_interval(first, second)
    assert interval is not None
    level = 0.05 if min(shape) == 4 else 0.01

    def probability(ratio: float) -> float:
        return float(mannwhitneyu(second, [ratio * value for value in first], method="exact").pvalue)

    for inside in (interval.low * 1.0001, interval.high * 0.9999):
        assert probability(inside) > level
    for outside in (interval.low * 0.9999, interval.high * 1.0001):
        assert probability(outside) <= level


@pytest.mark.parametrize("repeats", [1, 3, 4, 5, 10])
@pytest.mark.parametrize("scatter", [0.01, 0.12])
def test_two_runs_of_the_same_differ_in_one_row_of_twenty_at_most(repeats: int, scatter: float) -> None:
    """Also where a machine's mood makes neighbours alike, as measured here: scatter of 12 %, correlation 0.6."""
    rng = Random(f"{repeats}/{scatter}")

    def moody() -> list[float]:
        mood, values = rng.gauss(0, 1), []
        for _ in range(repeats):
            mood = 0.6 * mood + 0.8 * rng.gauss(0, 1)
            values.append(10 * (1 + scatter * mood) if scatter * mood > -0.9 else 1.0)
        return values

    verdicts = [verdict(moody(), moody()) for _ in range(400)]
    claimed = sum(each in (Verdict.LESS, Verdict.MORE) for each in verdicts)
    assert claimed <= 400 / 20
