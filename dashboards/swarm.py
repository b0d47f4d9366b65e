"""Swarm: who serves whom, how evenly pieces are spread, and what is wasted."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNFINISHED, About, Query, against_peers, figure, over_time
from dashboards.queries import finished, last, median, per_second, quantile, series, share, total
from harness.metrics.names import (
    CONNECTIONS,
    DIVERSITY,
    DUPLICATES,
    FAIRNESS,
    FIRST_PEER,
    HASH_FAILURES,
    TRANSFERRED,
    UPLOADED,
    WASTED,
)

SILENT = "seen live alone, and no process of a swarm told"

WHO_SERVES = Section(
    "Who serves",
    [
        over_time(
            About(
                "Sent by role",
                "Bps",
                "Payload that origin and peers send, as their own processes count it. In a swarm peers send most.",
                width=12,
                empty=SILENT,
            ),
            Query(total(per_second(UPLOADED), "contender", "role"), "{{contender}} {{role}}"),
            stacked=True,
        ),
        over_time(
            About(
                "Received by source",
                "bytes",
                "Verified bytes of the downloads that have ended: from the origin, from peers, from a web seed.",
                width=12,
                empty="no download has ended",
            ),
            Query(total(series(TRANSFERRED), "contender", "source"), "{{contender}} from {{source}}"),
        ),
        against_peers(
            About(
                "Share that came from peers",
                "percentunit",
                "Of the verified bytes of the downloads that ended, at each number of peers.",
                empty="no download has ended",
            ),
            share(last(TRANSFERRED, 'source="peers"'), last(TRANSFERRED), "contender", "peers"),
            top=1,
        ),
        against_peers(
            About(
                "Fairness",
                "percentunit",
                "Jain's index of the completion times of each step's peers: 100 % when all take equally long.",
                empty=UNFINISHED,
            ),
            median(finished(FAIRNESS), "contender", "peers"),
            top=1,
        ),
        against_peers(
            About(
                "Until the first peer is found",
                "s",
                "Median time from the intended start to the first peer, by tracker, DHT, gossip or supernode.",
                empty="no peer looked for others",
            ),
            quantile(0.5, last(FIRST_PEER, suffix="_bucket"), "contender", "peers"),
        ),
    ],
)

PIECES = Section(
    "Pieces and connections",
    [
        over_time(
            About(
                "Piece diversity",
                "percentunit",
                "Copies of the rarest piece over the mean of all, as peers see them: at 100 % none is rare.",
                width=12,
                empty=SILENT,
            ),
            Query(f"avg by (contender) ({series(DIVERSITY)})"),
        ),
        over_time(
            About(
                "Connections",
                "none",
                "Open connections of each role; each connection of two peers counts at both ends.",
                width=12,
                empty=SILENT,
            ),
            Query(total(series(CONNECTIONS), "contender", "role"), "{{contender}} {{role}}"),
        ),
    ],
)

WASTE = Section(
    "Waste",
    [
        over_time(
            About(
                "Duplicates",
                "Bps",
                "Bytes that peers receive although they have them: the price of the end game.",
                empty=SILENT,
            ),
            Query(total(per_second(DUPLICATES), "contender")),
        ),
        against_peers(
            About(
                "Wasted for each byte verified",
                "percentunit",
                "Bytes received and thrown away, duplicates and wrong pieces, over the bytes verified.",
                empty="no download has ended",
            ),
            share(last(WASTED), last(TRANSFERRED), "contender", "peers"),
        ),
        figure(
            About(
                "Wrong pieces",
                "none",
                "Pieces whose hash was wrong. Anything but 0 means that somebody lied or something is broken.",
                empty=SILENT,
            ),
            Query(total(last(HASH_FAILURES), "contender")),
        ),
    ],
)

PAGE = Page(
    "swarm",
    "Swarm",
    "How a swarm shares: origin, peers and web seeds, spread of pieces, connections, and waste.",
    [WHO_SERVES, PIECES, WASTE],
)
