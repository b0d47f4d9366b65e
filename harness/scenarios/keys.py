"""The keys of a scenario: for each, what it accepts and what it is when left out.

One table serves scenario files and `--set` alike, so a key that can be written can be overridden, with the same
validation. A parser takes what TOML or the command line gave and raises ValueError with a sentence for a person.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from harness.scenarios.model import Arrival, Kill, Kind, Link, LinkClass, OwnContender
from harness.scenarios.own import own_contender
from harness.scenarios.thresholds import parse_thresholds
from harness.scenarios.units import UNLIMITED, format_rate, format_size, parse_rate, parse_size, parse_time

MAX_PEERS = 10_000
"""Beyond this no lab on one machine says anything about links."""
MAX_CONTENT = 64 * 2**30
"""Every peer stores a copy of the item; larger ones fit on no machine this runs on."""
MIN_RATE = 1e3 / 8
MAX_RATE = 100e9 / 8
"""Between 1 kbit/s and 100 Gbit/s: slower never ends, faster no kernel shapes."""
MAX_TIME = 24 * 3600.0
MAX_LOSS = 50
"""Per cent; with more no connection comes about."""
MAX_REPEATS = 1_000
PIECES: Final = range(14, 25)
"""A piece is a power of two from 16 KiB – one block – to 16 MiB, the most that clients accept."""

REQUIRED: Final = object()
"""The default of a key that must be given."""

LOADS: Final = {"calm": 4.0, "busy": 16.0, "overload": 64.0}
"""Lookups per second in the whole network, by name. In one of 1,024 nodes a calm one is what flooding does on two
cores without missing anything; each next one is four times as much."""
MAX_RATE_OF_LOOKUPS = 1_000.0
MAX_ITEMS = 1_000

_PERCENT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_CLASS = re.compile(r"([^%]*%)([^/]+)/([^/]+)")

_KILL = re.compile(r"([^%]*%)(\s+of\s+supernodes)?\s*")

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Key:
    """How a key's value is parsed, and what stands for it when it is left out."""

    parse: Callable[[object], Any]
    default: object = REQUIRED
    unused: Any = None
    """Of a key that downloads need: its parsed value where it is left out of a scenario of lookups."""


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not a text")


def _name(value: object) -> str:
    if not _NAME.fullmatch(_text(value)):
        raise ValueError(f"{value!r} is not a name: write lower-case letters, digits, '.', '_' and '-'")
    return str(value)


def _integer(value: object, low: int, high: int) -> int:
    number: object = value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,20}\s*", value):
        number = int(value)
    if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
        raise ValueError(
            f"{value if isinstance(value, str) else repr(value)} is not a whole number from {low} to {high}"
        )
    return number


def _items(value: object) -> list[object]:
    items: list[object] = list(value) if isinstance(value, list) else list(str(value).split(","))
    if not items or items == [""]:
        raise ValueError("the list is empty")
    return items


def _distinct(items: list[Any]) -> tuple[Any, ...]:
    twice = [item for item in items if items.count(item) > 1]
    if twice:
        raise ValueError(f"{twice[0]} stands there twice")
    return tuple(items)


def _peers(value: object) -> tuple[int, ...]:
    return _distinct([_integer(item, 1, MAX_PEERS) for item in _items(value)])


def _contenders(value: object) -> tuple[str, ...]:
    return _distinct([_name(item.strip() if isinstance(item, str) else item) for item in _items(value)])


def _size(value: object) -> int:
    size = parse_size(str(value) if type(value) is int else _text(value))
    if not 1 <= size <= MAX_CONTENT:
        raise ValueError(f"{value} is out of range: at least 1 B, at most {format_size(MAX_CONTENT)}")
    return size


def _piece_size(value: object) -> int:
    if value == "auto":
        return 0
    size = parse_size(str(value) if type(value) is int else _text(value))
    if size not in (1 << power for power in PIECES):
        raise ValueError(f"{value} is not a piece size: write auto, or a power of two from 16KiB to 16MiB")
    return size


def _rate(value: object) -> float:
    if value == UNLIMITED:
        return math.inf
    rate = parse_rate(_text(value))
    if rate == 0:  # a link that carries nothing: the simulated lab says what comes of it, the others refuse
        return rate
    if not MIN_RATE <= rate <= MAX_RATE:
        raise ValueError(f"{value} is out of range: from {format_rate(MIN_RATE)} to {format_rate(MAX_RATE)}")
    return rate


def _classes(value: object) -> tuple[LinkClass, ...]:
    """From tables with share, up and down, or from a text such as `50% 4mbit/16mbit, 50% 16mbit/64mbit`."""
    entries = value if isinstance(value, list) else [entry for entry in _text(value).split(",") if entry.strip()]
    classes = tuple(_class_of_table(entry) if isinstance(entry, dict) else _class_of_text(entry) for entry in entries)
    if classes and not math.isclose(total := sum(each.share for each in classes), 1.0, abs_tol=0.005):
        raise ValueError(f"the shares add up to {total:.0%}, not 100%")
    if len({each.link for each in classes}) < len(classes):
        raise ValueError("two classes have the same link; add up their shares")
    return classes


def _class_of_table(entry: dict[str, object]) -> LinkClass:
    if entry.keys() != {"share", "up", "down"}:
        raise ValueError('each class needs share, up and down, as in { share = "50%", up = "4mbit", down = "16mbit" }')
    return LinkClass(_share(entry["share"]), Link(_rate(entry["up"]), _rate(entry["down"])))


def _class_of_text(entry: object) -> LinkClass:
    match = _CLASS.fullmatch(_text(entry))
    if match is None:
        raise ValueError(f"{entry!r} is not a class: write share, up and down, as in 50% 4mbit/16mbit")
    return LinkClass(_share(match[1]), Link(_rate(match[2].strip()), _rate(match[3].strip())))


def _share(value: object) -> float:
    match = _PERCENT.fullmatch(_text(value))
    if match is None or not 0 < float(match[1]) <= 100:
        raise ValueError(f"{value!r} is not a share: write it in per cent, as in 50%")
    return float(match[1]) / 100


def _loss(value: object) -> float:
    match = _PERCENT.fullmatch(_text(value))
    if match is None or not float(match[1]) <= MAX_LOSS:
        raise ValueError(f"{value!r} is not a loss: write it in per cent up to {MAX_LOSS}, as in 0.5%")
    return float(match[1]) / 100


def _yes_or_no(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise ValueError(f"{value!r} is neither true nor false")
    return value == "true"


def _time(value: object) -> float:
    seconds = parse_time(str(value) if type(value) is int else _text(value))
    if seconds > MAX_TIME:
        raise ValueError(f"{value} is out of range: at most 24h")
    return seconds


def _arrival(value: object) -> Arrival:
    if value not in list(Arrival):
        raise ValueError(f"{value!r} is not an arrival: write one of {', '.join(Arrival)}")
    return Arrival(str(value))


def _own(value: object) -> tuple[OwnContender, ...]:
    if isinstance(value, dict):
        return tuple(own_contender(_name(name), table) for name, table in value.items())
    raise ValueError("is written in a file, as tables [contender.NAME] with serve and fetch")


def _kind(value: object) -> Kind:
    if value not in list(Kind):
        raise ValueError(f"{value!r} is not a kind of scenario: write one of {', '.join(Kind)}")
    return Kind(str(value))


def _load(value: object) -> float:
    """Lookups per second: from one of LOADS, or a number."""
    if isinstance(value, str) and value in LOADS:
        return LOADS[value]
    try:
        rate = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except ValueError:
        rate = math.nan
    if not 0 < rate <= MAX_RATE_OF_LOOKUPS:
        raise ValueError(
            f"{value!r} is not a load: write {', '.join(LOADS)}, or lookups per second up to {MAX_RATE_OF_LOOKUPS:.0f}"
        )
    return rate


def _duration(value: object) -> float:
    seconds = _time(value)
    if seconds < 1:
        raise ValueError(f"{value} is out of range: at least 1s")
    return seconds


def _items_sought(value: object) -> int:
    return _integer(value, 1, MAX_ITEMS)


def _churn(value: object) -> float:
    return 0.0 if value == "0%" else _share(value)


def _kill(value: object) -> Kill | None:
    """From a text such as `30%` or `50% of supernodes`; `none` kills nobody."""
    if value == "none":
        return None
    match = _KILL.fullmatch(_text(value))
    if match is None:
        raise ValueError(f"{value!r} is not whom to kill: write none, 30%, or 50% of supernodes")
    return Kill(_share(match[1]), supernodes=match[2] is not None)


def _repeats(value: object) -> int:
    return _integer(value, 1, MAX_REPEATS)


def _seed(value: object) -> int:
    return _integer(value, 0, 2**63 - 1)


KEYS: Final[dict[str, Key]] = {
    "name": Key(_name),
    "title": Key(_text),
    "description": Key(_text, ""),
    "kind": Key(_kind, "downloads"),
    "contenders": Key(_contenders),
    "peers": Key(_peers),
    "repeats": Key(_repeats, 1),
    "seed": Key(_seed, 1),
    "content.size": Key(_size, unused=0),
    "content.piece_size": Key(_piece_size, "auto"),
    "content.prewritten": Key(_yes_or_no, False),
    "links.delay": Key(_time, "0s"),
    "links.loss": Key(_loss, "0%"),
    "links.server.up": Key(_rate, unused=math.inf),
    "links.server.down": Key(_rate, unused=math.inf),
    "links.peer.up": Key(_rate, unused=math.inf),
    "links.peer.down": Key(_rate, unused=math.inf),
    "links.classes": Key(_classes, ""),
    "demand.arrival": Key(_arrival, "flash"),
    "demand.over": Key(_time, "0s"),
    "demand.origin_leaves": Key(_time, "0s"),
    "lookup.items": Key(_items_sought, 32),
    "lookup.load": Key(_load, "calm"),
    "lookup.duration": Key(_duration, "25s"),
    "lookup.churn": Key(_churn, "0%"),
    "lookup.kill": Key(_kill, "none"),
    "contender": Key(_own, {}),
    "thresholds": Key(parse_thresholds, {}),
}
