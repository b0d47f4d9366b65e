"""Discovery: how well each network family finds who has an item, and what that costs the network."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNTRACKED, About, Query, against_peers, figure, over_time
from dashboards.queries import last, mean, per_second, quantile, series, share, total
from harness.metrics.names import (
    DATAGRAMS,
    FIRST_PEER,
    LOOKUP_FIRST,
    LOOKUP_HOPS,
    LOOKUP_MESSAGES,
    LOOKUPS,
    MATES,
    UNHEARD,
    Family,
)

NO_LOOKUPS = "needs a run of the scenario lookup"
NO_SUPERNODES = "seen live alone, of swarms that meet by supernodes"

FOUND = 'outcome="found"'


def _by_rarity(expression: str) -> Query:
    return Query(expression, "{{contender}} {{rarity}}")


def _slowest(family: Family) -> Query:
    return _by_rarity(quantile(0.95, last(family, suffix="_bucket"), "contender", "rarity"))


SUCCESS = Section(
    "Does it find",
    [
        figure(
            About(
                "Success",
                "percentunit",
                "The share of lookups that found somebody who has the item, by how many nodes have it.",
                empty=NO_LOOKUPS,
            ),
            _by_rarity(share(last(LOOKUPS, FOUND), last(LOOKUPS), "contender", "rarity")),
        ),
        against_peers(
            About(
                "Success in larger networks",
                "percentunit",
                "The same, of all items, against the number of nodes.",
                empty=NO_LOOKUPS,
            ),
            share(last(LOOKUPS, FOUND), last(LOOKUPS), "contender", "peers"),
            top=1,
        ),
        over_time(
            About(
                "Lookups",
                "ops",
                "Lookups that end each second, by outcome.",
                empty=NO_LOOKUPS,
            ),
            Query(total(per_second(LOOKUPS), "contender", "outcome"), "{{contender}} {{outcome}}"),
        ),
    ],
)

COST = Section(
    "What it costs",
    [
        against_peers(
            About(
                "Hops in larger networks",
                "none",
                "Mean hops to the first node found, against the number of nodes; a DHT's grow with their logarithm.",
                empty=NO_LOOKUPS,
            ),
            mean(LOOKUP_HOPS, "contender", "peers"),
        ),
        against_peers(
            About(
                "Messages in larger networks",
                "none",
                "Mean messages that a lookup cost the whole network; flooding pays with every node.",
                empty=NO_LOOKUPS,
            ),
            mean(LOOKUP_MESSAGES, "contender", "peers"),
        ),
        against_peers(
            About(
                "Time in larger networks",
                "s",
                "Median time from a lookup's start to the first peer.",
                empty=NO_LOOKUPS,
            ),
            quantile(0.5, last(LOOKUP_FIRST, suffix="_bucket"), "contender", "peers"),
        ),
        figure(
            About("Hops, 95th percentile", "none", "By how many nodes have the item.", empty=NO_LOOKUPS),
            _slowest(LOOKUP_HOPS),
        ),
        figure(
            About("Messages, 95th percentile", "none", "By how many nodes have the item.", empty=NO_LOOKUPS),
            _slowest(LOOKUP_MESSAGES),
        ),
        figure(
            About("Time, 95th percentile", "s", "By how many nodes have the item.", empty=NO_LOOKUPS),
            _slowest(LOOKUP_FIRST),
        ),
    ],
)

DOWNLOADS = Section(
    "In downloads",
    [
        against_peers(
            About(
                "Until the first peer, 95th percentile",
                "s",
                "From a download's intended start to the first peer found, of swarms.",
                width=24,
                empty="no peer looked for others",
            ),
            quantile(0.95, last(FIRST_PEER, suffix="_bucket"), "contender", "peers"),
        ),
    ],
)

SERVICES = Section(
    "Trackers and supernodes in downloads",
    [
        over_time(
            About(
                "Datagrams",
                "pps",
                "That trackers and supernodes receive and send, also among each other; over HTTP there are none.",
                empty=UNTRACKED,
            ),
            Query(total(per_second(DATAGRAMS), "contender", "direction"), "{{contender}} {{direction}}"),
        ),
        over_time(
            About(
                "Supernodes that know each other",
                "none",
                "The other supernodes that each knows, summed: of n, all know all at n × (n − 1).",
                empty=NO_SUPERNODES,
            ),
            Query(total(series(MATES), "contender")),
        ),
        figure(
            About(
                "Messages unheard",
                "none",
                "That supernodes dropped for lack of time or room, or refused as malformed, forged or not asked for.",
                empty=NO_SUPERNODES,
            ),
            Query(total(last(UNHEARD), "contender")),
        ),
    ],
)

PAGE = Page(
    "discovery",
    "Discovery",
    "Structured, unstructured and hybrid networks: success, hops, messages and time, by family and size.",
    [SUCCESS, COST, DOWNLOADS, SERVICES],
)
