"""Swarm: who serves whom, how evenly pieces are spread, and what is wasted."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNFINISHED, UNTRACKED, About, Query, against_peers, figure, listing, over_time
from dashboards.queries import finished, last, median, per_second, quantile, series, share, total
from harness.metrics.names import (
    CONNECTIONS,
    DIVERSITY,
    DUPLICATES,
    FAIRNESS,
    FIRST_PEER,
    HASH_FAILURES,
    KNOWN,
    PEER_COMPLETION,
    PEER_VERIFIED,
    PENDING,
    QUESTIONS,
    QUEUES,
    STATES,
    TRANSFERRED,
    UPLOADED,
    WASTED,
)

SILENT = "seen live alone, and no process of a swarm told"
ONE_BY_ONE = "seen live alone, and only with --metrics-per-peer"

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
        over_time(
            About(
                "Choking and interest",
                "none",
                "Connections that peers choke, that choke them, that they are interested in, and that want something "
                "of them. While they are few nobody is choked who wants something.",
                width=12,
                empty=SILENT,
            ),
            Query(total(series(STATES, 'role="peers"'), "contender", "state"), "{{contender}} {{state}}"),
        ),
        over_time(
            About(
                "Request queues",
                "suffix:blocks",
                "Blocks that peers have requested and not got yet, and how many their queues should hold so that who "
                "serves them is never idle. Far below that, there is nothing left to ask for.",
                width=12,
                empty=SILENT,
            ),
            Query(total(series(PENDING), "contender", "role"), "{{contender}} {{role}} requested"),
            Query(total(series(QUEUES), "contender", "role"), "{{contender}} {{role}} should hold"),
        ),
    ],
)

TRACKERS = Section(
    "Trackers and supernodes",
    [
        over_time(
            About(
                "Questions",
                "reqps",
                "What trackers, or supernodes in their place, are asked each second: announces, scrapes, and over UDP "
                "the connection ids that these need.",
                width=12,
                empty=UNTRACKED,
            ),
            Query(total(per_second(QUESTIONS), "contender", "protocol", "kind"), "{{contender}} {{protocol}} {{kind}}"),
        ),
        over_time(
            About(
                "Peers known",
                "none",
                "How many peers trackers know, or all supernodes together.",
                width=12,
                empty=UNTRACKED,
            ),
            Query(total(series(KNOWN), "contender")),
        ),
    ],
)

SINGLE_PEERS = Section(
    "Single peers",
    [
        over_time(
            About(
                "Verified by each peer",
                "bytes",
                "Of the step under way, by host.",
                width=12,
                empty=ONE_BY_ONE,
            ),
            Query(total(series(PEER_VERIFIED), "contender", "peers", "host"), "{{contender}} {{host}} of {{peers}}"),
        ),
        listing(
            About(
                "Completion of each peer",
                "s",
                "From its intended start to its last verified byte.",
                width=12,
                empty=ONE_BY_ONE,
            ),
            f"max by (contender, peers, repeat, host) ({last(PEER_COMPLETION)})",
            ("contender", "peers", "repeat", "host"),
            "Completion",
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
    "How a swarm shares: origin, peers and web seeds, spread of pieces, connections, queues, trackers, and waste.",
    [WHO_SERVES, PIECES, WASTE, TRACKERS, SINGLE_PEERS],
)
