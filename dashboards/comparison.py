"""Comparison, the front page: which contender is faster, from how many peers on, at what cost to the origin."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNFINISHED, About, Query, against_peers, figure, over_time
from dashboards.queries import (
    LAST,
    crossover,
    finished,
    median,
    quantile,
    series,
    speedup,
    total,
)
from harness.metrics.names import (
    COMPLETION,
    CURRENT_PEERS,
    DURATION,
    EFFICIENCY,
    GOODPUT,
    OFFLOAD,
    ORIGIN,
    PLAYING,
    STEP,
    TRANSFERS,
    VERIFIED,
)

NO_PAIR = "needs a central server and a swarm at the same number of peers"

_UNDER_WAY = f"{series(DURATION, suffix='_bucket')} and on ({', '.join(STEP)}) {series(PLAYING)} == 1"


def _by_peers(expression: str) -> str:
    return median(expression, "contender", "peers")


FIGURES = Section(
    "At a glance",
    [
        figure(
            About(
                "Crossover",
                "suffix:peers",
                "The least number of peers from which on a swarm stays faster than every central server, by more than "
                "a tie of 5 %, as far as measured. Median last completions of rows that count.",
                height=5,
                empty="never, or no central server to compare with",
            ),
            Query(crossover()),
        ),
        figure(
            About(
                "Best speed-up",
                "suffix:×",
                "How many times as fast as the best central server each swarm was, where it was most so.",
                height=5,
                empty=NO_PAIR,
            ),
            Query(f"max by (contender) ({speedup()})"),
        ),
        figure(
            About(
                "Best goodput",
                "Bps",
                "The most verified bytes a second that a contender delivered to all its peers in a finished step.",
                height=5,
                empty=UNFINISHED,
            ),
            Query(f"max by (contender) ({finished(GOODPUT)})"),
        ),
    ],
)

AGAINST_PEERS = Section(
    "Against the number of peers",
    [
        against_peers(
            About(
                "Goodput",
                "Bps",
                "Verified bytes of all peers over the last completion: median of the finished steps that count. "
                "A central server levels off at its uplink; a swarm gains with every peer.",
                empty=UNFINISHED,
            ),
            _by_peers(finished(GOODPUT)),
        ),
        against_peers(
            About(
                "Completion, median peer",
                "s",
                "From the intended start to the last verified byte, of the median peer of each step.",
                empty=UNFINISHED,
            ),
            _by_peers(finished(COMPLETION, 'share="0.5"')),
        ),
        against_peers(
            About(
                "Completion, 95th percentile",
                "s",
                "The same, of the peer that 95 % of the others were faster than.",
                empty=UNFINISHED,
            ),
            _by_peers(finished(COMPLETION, 'share="0.95"')),
        ),
        against_peers(
            About(
                "Efficiency",
                "percentunit",
                "The bound of the contender's kind, computed with the calibrated links, over the last completion: "
                "100 % is as fast as theory allows.",
                empty=UNFINISHED,
            ),
            _by_peers(finished(EFFICIENCY)),
        ),
        against_peers(
            About(
                "Speed-up over the best central server",
                "suffix:×",
                "The best central server's last completion over the swarm's; above 1 the swarm is faster.",
                empty=NO_PAIR,
            ),
            speedup(),
        ),
        against_peers(
            About(
                "Completion, last peer",
                "s",
                "When everybody was done: what efficiency, speed-up and crossover are computed from.",
                empty=UNFINISHED,
            ),
            _by_peers(finished(COMPLETION, LAST)),
        ),
        against_peers(
            About(
                "Bytes from the origin",
                "bytes",
                "Payload that the origin sent: what the one who publishes pays for.",
                width=12,
                empty=UNFINISHED,
            ),
            _by_peers(finished(ORIGIN)),
        ),
        against_peers(
            About(
                "Origin offload",
                "percentunit",
                "The share of verified bytes that did not come from the origin; 0 for a central server.",
                width=12,
                empty=UNFINISHED,
            ),
            _by_peers(finished(OFFLOAD)),
            top=1,
        ),
    ],
)

OVER_TIME = Section(
    "Over time",
    [
        over_time(
            About(
                "Goodput now",
                "Bps",
                "How fast the verified bytes of the step under way grow, over all its peers.",
                width=12,
                empty="no step was under way",
            ),
            Query(total(f"deriv({series(VERIFIED)}[$__rate_interval])", "contender")),
        ),
        over_time(
            About(
                "Completion so far",
                "s",
                "Median and 95th percentile of the downloads of the step under way that have ended, from histograms: "
                "about as exact as their buckets are wide.",
                width=12,
                empty="no download has ended while its step was under way",
            ),
            Query(quantile(0.5, _UNDER_WAY, "contender"), "{{contender}} p50"),
            Query(quantile(0.95, _UNDER_WAY, "contender"), "{{contender}} p95"),
        ),
        over_time(
            About(
                "Peers now",
                "none",
                "Peers that have begun to download and have not ended.",
                width=12,
                empty="no step was under way",
            ),
            Query(total(series(CURRENT_PEERS), "contender")),
        ),
        over_time(
            About(
                "Downloads that ended",
                "none",
                "Of all steps so far, by outcome; a failed one makes its row invalid.",
                width=12,
                empty="no download has ended",
            ),
            Query(total(series(TRANSFERS), "contender", "outcome"), "{{contender}} {{outcome}}"),
        ),
    ],
)

PAGE = Page(
    "comparison",
    "Comparison",
    "Central servers and swarms side by side as peers grow: goodput, completion, efficiency, and the origin's part.",
    [FIGURES, AGAINST_PEERS, OVER_TIME],
)
