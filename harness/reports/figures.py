"""Figures as people read them: which columns a table has, what each means, and how its values are written.

The terminal and the HTML report show the same columns in the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from harness.analysis.points import Point

MIB = 2**20
NOTHING = "–"

P = TypeVar("P")


class Room(IntEnum):
    """How much there is of it: terminals of about 70, 80 and 100 columns, and a page that scrolls."""

    NARROW = 0
    MEDIUM = 1
    WIDE = 2
    PAGE = 3


@dataclass(frozen=True, slots=True)
class Column(Generic[P]):
    """One column of a table of points."""

    heading: str
    """Of two lines at most, the second being the unit."""
    meaning: str
    cell: Callable[[P], str]
    room: Room = Room.NARROW
    """The least room in which it is shown."""
    numeric: bool = True


def number(value: float | None) -> str:
    """Three significant digits, without an exponent."""
    if value is None:
        return NOTHING
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percent(share: float | None) -> str:
    """A share in per cent, to a tenth."""
    return NOTHING if share is None else f"{share * 100:.1f}"


def mebibytes(size: float) -> str:
    """A size in MiB, without its unit."""
    return number(size / MIB) if size else "0"


def megabits(rate: float | None) -> str:
    """A rate in Mbit/s, without its unit, from bytes per second."""
    return NOTHING if rate is None else number(rate * 8 / 1e6)


def _interval(point: Point) -> str:
    if point.last_interval is None:
        return NOTHING
    return f"{number(point.last_interval.low)}–{number(point.last_interval.high)}"


def _validity(point: Point) -> str:
    if not point.valid:
        return "no"
    return "partly" if point.reasons else "yes"


COLUMNS: tuple[Column[Point], ...] = (
    Column("peers", "how many peers wanted the item", lambda p: str(p.peers)),
    Column("contender", "the system under test", lambda p: p.contender, numeric=False),
    Column("done", "transfers completed of those wanted", lambda p: f"{p.completed}/{p.completed + p.failed}"),
    Column(
        "last\ns",
        "when the last peer had the whole item, verified, counted from the first intended start",
        lambda p: number(p.last_s),
    ),
    Column("95%\ninterval", "bootstrap interval of that median, from three repeats on", _interval, Room.MEDIUM),
    Column(
        "p50\ns",
        "how long the median peer waited, counted from its own intended start",
        lambda p: number(p.p50_s),
        Room.WIDE,
    ),
    Column(
        "first\nbyte s",
        "how long the median peer waited for its first byte",
        lambda p: number(p.first_byte_s),
        Room.PAGE,
    ),
    Column("bound\ns", "the theoretical limit: what no system of this kind can beat", lambda p: number(p.bound_s)),
    Column("% of\nlimit", "the bound divided by last", lambda p: percent(p.efficiency)),
    Column("goodput\nMbit/s", "bytes delivered to all peers, divided by last", lambda p: megabits(p.goodput)),
    Column("origin\nMiB", "useful bytes that the origin sent", lambda p: mebibytes(p.origin_bytes), Room.MEDIUM),
    Column(
        "% off-\nloaded",
        "share of the delivered bytes that the origin did not send",
        lambda p: percent(p.origin_offload),
    ),
    Column("wasted\nMiB", "bytes received and thrown away", lambda p: mebibytes(p.wasted_bytes), Room.WIDE),
    Column(
        "server\nCPU/GiB",
        "CPU-seconds of the server for each GiB delivered",
        lambda p: number(p.cpu_s_per_gib.server),
        Room.WIDE,
    ),
    Column(
        "peers\nCPU/GiB",
        "CPU-seconds of all peers together for each GiB delivered",
        lambda p: number(p.cpu_s_per_gib.peers),
        Room.WIDE,
    ),
    Column(
        "wait\n× own",
        "how long the median peer waited, in multiples of the least in which it could have been served",
        lambda p: number(p.wait_over_own_bound),
        Room.PAGE,
    ),
    Column(
        "fair-\nness",
        "Jain's index of the rates at which peers were served: 1 when all were served alike",
        lambda p: number(p.fairness),
        Room.PAGE,
    ),
    Column("late\nstarts", "transfers that started later than planned", lambda p: str(p.late_starts), Room.PAGE),
    Column("repeats", "how many repeats the figures rest on", lambda p: str(p.repeats), Room.PAGE),
    Column("valid", "whether the measurement counts", _validity, numeric=False),
)


def columns(measured: Sequence[P], room: Room, among: Sequence[Column[P]]) -> list[Column[P]]:
    """The columns for that much room, without those that have nothing to tell of any point."""
    fitting = [column for column in among if column.room <= room]
    return [column for column in fitting if not measured or any(column.cell(p) != NOTHING for p in measured)]
