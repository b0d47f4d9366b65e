"""From a Scenario back to TOML that reads as the same Scenario, bit for bit, in units people use where they fit."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from decimal import Decimal

from harness.scenarios.model import Kill, Kind, LinkClass, Links, Lookups, OwnContender, Scenario, Threshold
from harness.scenarios.units import UNLIMITED, parse_rate, parse_size, parse_time


def write_scenario(scenario: Scenario) -> str:
    """The TOML text of a scenario; `read_scenario` makes the same scenario of it."""
    return f"""\
name = {_text(scenario.name)}
title = {_text(scenario.title)}
description = {_text(scenario.description)}
kind = {_text(Kind.DOWNLOADS if scenario.lookups is None else Kind.LOOKUPS)}
contenders = {_list([_text(name) for name in scenario.contenders])}
peers = {_list([str(count) for count in scenario.peers])}
repeats = {scenario.repeats}
seed = {scenario.seed}

{_links(scenario.links)}
{_downloads(scenario) if scenario.lookups is None else _lookups(scenario.lookups)}{_thresholds(scenario.thresholds)}"""


def _downloads(scenario: Scenario) -> str:
    content, demand = scenario.content, scenario.demand
    return f"""\
[content]
size = {_text(_size(content.size))}
piece_size = {_text(_size(content.piece_size) if content.piece_size else "auto")}
prewritten = {str(content.prewritten).lower()}

[demand]
arrival = {_text(demand.arrival)}
over = {_text(_time(demand.over))}
origin_leaves = {_text(_time(demand.origin_leaves))}
{_own(scenario.own)}"""


def _lookups(lookups: Lookups) -> str:
    return f"""\
[lookup]
items = {lookups.items}
load = {_number(lookups.rate)}
duration = {_text(_time(lookups.duration))}
churn = {_text(_percent(lookups.churn))}
kill = {_text(_kill(lookups.kill))}
"""


def _kill(kill: Kill | None) -> str:
    if kill is None:
        return "none"
    return _percent(kill.share) + (" of supernodes" if kill.supernodes else "")


def _links(links: Links) -> str:
    return f"""\
[links]
delay = {_text(_time(links.delay))}
loss = {_text(_percent(links.loss))}
server = {{ up = {_text(_rate(links.server.up))}, down = {_text(_rate(links.server.down))} }}
peer = {{ up = {_text(_rate(links.peer.up))}, down = {_text(_rate(links.peer.down))} }}
{_classes(links.classes)}"""


def _classes(classes: Sequence[LinkClass]) -> str:
    rows = (
        f"\n[[links.classes]]\nshare = {_text(_percent(each.share))}\n"
        f"up = {_text(_rate(each.link.up))}\ndown = {_text(_rate(each.link.down))}\n"
        for each in classes
    )
    return "".join(rows)


def _own(contenders: Sequence[OwnContender]) -> str:
    tables = (
        f"\n[contender.{_text(each.name)}]\nserve = {_text(each.serve)}\nfetch = {_text(each.fetch)}\n"
        f"url = {_text(each.url)}\nport = {each.port}\ninstall = {_text(each.install)}\n"
        for each in contenders
    )
    return "".join(tables)


def _thresholds(thresholds: Sequence[Threshold]) -> str:
    if not thresholds:
        return ""
    rows = (f"{_text(each.name)} = {_text(each.comparison + _number(each.value))}\n" for each in thresholds)
    return "\n[thresholds]\n" + "".join(rows)


def _text(text: str) -> str:
    # A JSON string is a TOML basic string but for DEL, which JSON leaves bare.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(items: Sequence[str]) -> str:
    return f"[{', '.join(items)}]"


def _number(value: float) -> str:
    """All digits of a float without an exponent."""
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _percent(share: float) -> str:
    return f"{_number(share * 100)}%"


def _size(size: int) -> str:
    candidates = (f"{size // factor}{unit}" for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)))
    return next((text for text in candidates if parse_size(text) == size), f"{size}B")


def _rate(rate: float) -> str:
    if math.isinf(rate):
        return UNLIMITED
    candidates = (
        f"{_number(rate * 8 / factor)}{unit}" for unit, factor in (("gbit", 1e9), ("mbit", 1e6), ("kbit", 1e3))
    )
    exact = [text for text in candidates if parse_rate(text) == rate and len(text) <= len("123.456mbit")]
    return min(exact, key=lambda text: ("." in text, len(text)), default=f"{_number(rate)}bps")


def _time(seconds: float) -> str:
    text = f"{_number(seconds)}s"
    assert parse_time(text) == seconds
    return text
