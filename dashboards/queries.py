"""Queries: how the dashboards ask Prometheus, made of the names under which runs are exposed.

The rule: no name of a metric is spelled here or in a dashboard, and only raw series are asked for: a finished run that
was loaded into a fresh Prometheus has no recorded ones.
"""

from __future__ import annotations

from harness.metrics.names import COMPLETION, STEP, TRANSFERS, VALID, Family

VARIABLES = ("run", "scenario", "variant", "lab", "contender")
"""The labels that a reader of a dashboard chooses by."""

CENTRAL = "bare|http|http-curl|nginx|nginx-curl"
"""The contenders that serve from one server; a reader adds own ones to the variable `central`."""

TIE = 1.05
"""Speed-ups up to this one count as equal, as everywhere in swarmbench."""

LAST = 'share="1"'
"""Of completion: when all peers were done."""

_IS_CENTRAL = 'contender=~"$central"'
_IS_SWARM = 'contender!~"$central"'


def series(family: Family, *matchers: str, suffix: str = "", every_contender: bool = False) -> str:
    """The series of a family that the variables choose; `suffix` is a histogram's `_bucket`, `_sum` or `_count`."""
    chosen = [name for name in VARIABLES if name in family.labels and not (every_contender and name == "contender")]
    labels = ", ".join([*(f'{name}=~"${name}"' for name in chosen), *matchers])
    return f"{family.full_name}{suffix}{{{labels}}}"


def last(family: Family, *matchers: str, suffix: str = "", every_contender: bool = False) -> str:
    """What they said last in the time shown, also after the run has ended."""
    return f"last_over_time({series(family, *matchers, suffix=suffix, every_contender=every_contender)}[$__range])"


def finished(family: Family, *matchers: str, every_contender: bool = False) -> str:
    """The figures of finished steps whose row counts."""
    figures = last(family, *matchers, every_contender=every_contender)
    return f"{figures} and on ({', '.join(STEP)}) {last(VALID, every_contender=True)} == 1"


def per_second(family: Family, *matchers: str) -> str:
    """How fast a counter grows."""
    return f"rate({series(family, *matchers)}[$__rate_interval])"


def total(expression: str, *labels: str) -> str:
    """The sum by labels."""
    return f"sum by ({', '.join(labels)}) ({expression})"


def median(expression: str, *labels: str) -> str:
    """The median by labels: over repeats, and over the runs that are chosen."""
    return f"quantile by ({', '.join(labels)}) (0.5, {expression})"


def quantile(level: float, buckets: str, *labels: str) -> str:
    """A quantile of a histogram's buckets, by labels; nothing, not NaN, where nothing was observed."""
    return f"histogram_quantile({level}, {total(buckets, *labels, 'le')}) >= 0"


def mean(family: Family, *labels: str) -> str:
    """The mean of a histogram at the end of the time shown, by labels; nothing where nothing was observed."""
    return f"{total(last(family, suffix='_sum'), *labels)} / ({total(last(family, suffix='_count'), *labels)} > 0)"


def share(part: str, whole: str, *labels: str) -> str:
    """A part of a whole, by labels; 0 where there is a whole and no part, nothing where there is no whole."""
    everything = total(whole, *labels)
    return f"({total(part, *labels)} or 0 * {everything}) / ({everything} > 0)"


def speedup() -> str:
    """By contender and peers: the best central server's last completion over a swarm's."""
    best = f"min by (peers) ({median(_last_completion(_IS_CENTRAL, every_contender=True), 'contender', 'peers')})"
    swarms = median(_last_completion(_IS_SWARM), "contender", "peers")
    return f"{best} / on (peers) group_right () {swarms}"


def crossover() -> str:
    """By contender: the least number of peers from which on it stays faster than every central server.

    Nothing turns a label into a number, so that the downloads of a step, as many as its peers, stand for them.
    """
    downloads = f"sum without (outcome) ({last(TRANSFERS, _IS_SWARM)})"
    peers = f"max by (contender, peers) ({downloads})"
    ahead = f"{peers} * on (contender, peers) ({speedup()} > bool {TIE})"
    behind = f"{peers} * on (contender, peers) ({speedup()} <= bool {TIE})"
    return f"min by (contender) ({ahead} > on (contender) group_left () max by (contender) ({behind}))"


def _last_completion(matcher: str, *, every_contender: bool = False) -> str:
    return finished(COMPLETION, LAST, matcher, every_contender=every_contender)
