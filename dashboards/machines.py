"""Machines: utilization, saturation and errors by role – and whether what was measured counts."""

from __future__ import annotations

from dashboards.frame import Page, Section
from dashboards.panels import UNFINISHED, About, Query, against_peers, figure, listing, over_time
from dashboards.queries import finished, last, median, per_second, series, total
from harness.metrics.names import (
    CPU,
    CPU_PER_GIB,
    DROPS,
    LAG,
    LATENESS,
    LINK_FAIRNESS,
    LINK_RATE,
    LINKS,
    MEMORY,
    REQUESTS,
    SWITCHES,
    USERS,
    VALID,
)

NO_SAMPLES = "no step was under way"
UNTOLD = "seen live alone, and no step was under way"
NO_LINKS = "no links were calibrated, as in labs or scenarios without any"

VALIDITY = Section(
    "Does it count",
    [
        figure(
            About(
                "Rows that count",
                "percentunit",
                "The share of finished steps that are valid. Others are left out of every comparison.",
                height=6,
                empty="no step has finished",
            ),
            Query(f"avg by (contender) ({last(VALID)})"),
        ),
        figure(
            About(
                "Rows that do not",
                "none",
                "Finished steps that are invalid: the machine was the limit, links were off, or a download failed.",
                height=6,
                empty="no step has finished",
            ),
            Query(f"sum by (contender) (1 - {last(VALID)})"),
        ),
        figure(
            About(
                "Fairness of the server's uplink",
                "percentunit",
                "Jain's index of flows that share it, as calibrated before the run.",
                height=6,
                empty=NO_LINKS,
            ),
            Query(f"min by (run) ({last(LINK_FAIRNESS)})", "{{run}}"),
        ),
    ],
)

USE = Section(
    "Utilization, saturation, errors",
    [
        over_time(
            About(
                "CPU by role",
                "suffix:cores",
                "CPU time each second; machine is everybody's, other people's processes included. Where it is all the "
                "machine has, the step is invalid.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(per_second(CPU), "contender", "role"), "{{contender}} {{role}}"),
        ),
        over_time(
            About(
                "Memory by role",
                "bytes",
                "Resident memory of each role's processes.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(series(MEMORY, 'role!="machine"'), "contender", "role"), "{{contender}} {{role}}"),
        ),
        over_time(
            About(
                "Context switches by role",
                "ops",
                "How often its threads make way each second: voluntarily, to wait for something, or for others, which "
                "means that cores are scarce.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(per_second(SWITCHES), "contender", "role", "kind"), "{{contender}} {{role}} {{kind}}"),
        ),
        over_time(
            About(
                "Network",
                "Bps",
                "What all hosts send each other, with headers and acknowledgements, through the one interface that "
                "they share; in the loopback lab also what other programs send.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(per_second(LINKS), "contender")),
        ),
        over_time(
            About(
                "Packets dropped",
                "pps",
                "By the kernel, as its backlog was full: a limit of this machine, which makes a row invalid.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(per_second(DROPS), "contender")),
        ),
        over_time(
            About(
                "CPU of the harness",
                "suffix:cores",
                "What measuring itself takes; it should be far below what the contenders take.",
                width=12,
                empty=NO_SAMPLES,
            ),
            Query(total(per_second(CPU, 'role="harness"'), "contender")),
        ),
    ],
)

DEMAND = Section(
    "The demand process",
    [
        over_time(
            About(
                "Users and requests",
                "none",
                "Users that Locust has spawned for the step, and their requests under way.",
                empty=UNTOLD,
            ),
            Query(total(series(USERS), "contender"), "{{contender}} users"),
            Query(total(series(REQUESTS), "contender"), "{{contender}} requests"),
        ),
        over_time(
            About(
                "Lateness of starts",
                "s",
                "By how much the latest start of the step so far was behind its plan; milliseconds on an idle machine.",
                empty=UNTOLD,
            ),
            Query(f"max by (contender) ({series(LATENESS)})"),
        ),
        over_time(
            About(
                "Lag of the event loop",
                "s",
                "By how much the process woke too late to tell its progress, four times a second.",
                empty=UNTOLD,
            ),
            Query(f"max by (contender) ({series(LAG)})"),
        ),
    ],
)

COST = Section(
    "Cost of a GiB",
    [
        against_peers(
            About(
                f"CPU for a GiB, {whom}",
                "suffix:s/GiB",
                f"CPU time of {whom} for each GiB delivered: median of the finished steps that count.",
                empty=UNFINISHED,
            ),
            median(finished(CPU_PER_GIB, f'role="{role}"'), "contender", "peers"),
        )
        for role, whom in (("server", "the origin"), ("peers", "all peers"), ("harness", "the harness"))
    ],
)

CALIBRATED = Section(
    "Links",
    [
        listing(
            About(
                "Calibrated rates",
                "Bps",
                "Payload rate of each class of hosts, up and down, by one flow and by many, measured before the run. "
                "Bounds are computed with these.",
                width=24,
                empty=NO_LINKS,
            ),
            f"max by (run, lab, class, direction, flows) ({last(LINK_RATE)})",
            ("run", "lab", "class", "direction", "flows"),
            "Rate",
        ),
    ],
)

PAGE = Page(
    "machines",
    "Machines",
    "What the machine had to do with it: CPU, memory, switches, network, demand, cost of a GiB, validity, and links.",
    [VALIDITY, USE, DEMAND, COST, CALIBRATED],
)
