"""Server: the origin as an HTTP service sees itself – rate, errors, duration – and what it does for that."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNFINISHED, About, Query, against_peers, figure, over_time
from dashboards.queries import finished, last, median, per_second, quantile, series, share, total
from harness.metrics.names import CONNECTIONS, CPU, CPU_PER_GIB, FIRST_BYTE, RESPONSES, UPLOADED

NO_SERVER = "seen live alone, and no HTTP server of ours told"
NO_ORIGIN = "seen live alone, and no origin told"

SERVER = 'role="server"'
_FAILED = 'status=~"4..|5.."'

RED = Section(
    "Rate, errors, duration",
    [
        over_time(
            About(
                "Responses",
                "reqps",
                "Responses each second, by method and status.",
                empty=NO_SERVER,
            ),
            Query(total(per_second(RESPONSES), "contender", "method", "status"), "{{contender}} {{method}} {{status}}"),
        ),
        figure(
            About(
                "Errors",
                "percentunit",
                "The share of responses with a status of 400 or more.",
                empty=NO_SERVER,
            ),
            Query(share(last(RESPONSES, _FAILED), last(RESPONSES), "contender")),
        ),
        against_peers(
            About(
                "Until the first byte",
                "s",
                "Median time from a download's intended start to its first byte, of every contender: a crowd at one "
                "server shares its uplink from the first moment.",
                empty="no download has ended",
            ),
            quantile(0.5, last(FIRST_BYTE, suffix="_bucket"), "contender", "peers"),
        ),
    ],
)

WORK = Section(
    "What it does",
    [
        over_time(
            About("Sent", "Bps", "Payload that the origin sends, whatever it speaks.", empty=NO_ORIGIN),
            Query(total(per_second(UPLOADED, SERVER), "contender")),
        ),
        over_time(
            About("Connections", "none", "Open connections of the origin.", empty=NO_ORIGIN),
            Query(total(series(CONNECTIONS, SERVER), "contender")),
        ),
        over_time(
            About(
                "CPU",
                "suffix:cores",
                "CPU time of the origin's processes each second.",
                empty="no step was under way",
            ),
            Query(total(per_second(CPU, SERVER), "contender")),
        ),
        against_peers(
            About(
                "CPU for each GiB delivered",
                "suffix:s/GiB",
                "CPU time of the origin over what all peers verified: a swarm's falls as peers take over.",
                width=24,
                empty=UNFINISHED,
            ),
            median(finished(CPU_PER_GIB, SERVER), "contender", "peers"),
        ),
    ],
)

PAGE = Page(
    "server",
    "Server",
    "The origin as a service: rate, errors and duration of its responses, and what they cost.",
    [RED, WORK],
)
