"""From TOML, and `--set key=value`, to a Scenario; a mistake is one line with the file, the key and what is known."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import UsageError, unknown_name
from harness.scenarios.keys import KEYS, REQUIRED
from harness.scenarios.model import (
    Arrival,
    Content,
    Demand,
    Kind,
    Link,
    Links,
    Lookups,
    OwnContender,
    Scenario,
    Threshold,
)
from harness.scenarios.thresholds import resolve_thresholds

LEAST_NODES = 2

RATE = re.compile(r"links\.(server|peer)\.(up|down)")
"""The keys that are rates of links."""


def read_scenario(path: Path, overrides: Mapping[str, tuple[str, object]] | None = None) -> Scenario:
    """The scenario in a TOML file, with overrides (key → where it was given, value) in place; raises UsageError."""
    tables = _load(path)
    given: dict[str, tuple[str, object]] = {"name": (str(path), path.stem.lower().replace(" ", "-"))}
    given.update((key, (str(path), value)) for key, value in _flatten(tables, str(path)))
    given.update(overrides or {})
    return _build(given, str(path))


def read_contenders(path: Path) -> dict[str, tuple[str, object]]:
    """The override that brings along the contenders of a file, tables [contender.NAME]; raises UsageError."""
    tables = _load(path)
    if tables.keys() != {"contender"}:
        raise UsageError(f"{path}: must hold tables [contender.NAME] with serve and fetch, and nothing else")
    return {"contender": (str(path), tables["contender"])}


def read_own(path: Path) -> tuple[OwnContender, ...]:
    """The contenders of such a file themselves; raises UsageError."""
    try:
        own: tuple[OwnContender, ...] = KEYS["contender"].parse(read_contenders(path)["contender"][1])
    except ValueError as error:
        raise UsageError(f"{path}: contender: {error}") from error
    return own


def parse_overrides(assignments: Iterable[str]) -> dict[str, tuple[str, object]]:
    """Overrides from `key=value` texts, as `--set` takes them; raises UsageError."""
    overrides: dict[str, tuple[str, object]] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: write key=value, as in --set content.size=16MiB")
        overrides[_known(key.strip(), "--set")] = ("--set", value.strip())
    return overrides


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def _flatten(table: Mapping[str, Any], where: str, prefix: str = "") -> Iterable[tuple[str, object]]:
    for name, value in table.items():
        key = prefix + name
        inner = [known for known in KEYS if known.startswith(f"{key}.")]
        if inner and isinstance(value, dict):
            yield from _flatten(value, where, f"{key}.")
        elif inner:
            raise UsageError(f"{where}: {key}: must be a table with {', '.join(inner)}")
        else:
            yield _known(key, where), value


def _known(key: str, where: str) -> str:
    if key not in KEYS:
        raise UsageError(f"{where}: {unknown_name('key', key, KEYS)}")
    return key


def _build(given: Mapping[str, tuple[str, object]], where: str) -> Scenario:
    values: dict[str, Any] = {}
    for name, key in KEYS.items():
        place, value = given.get(name, (where, key.default))
        if value is REQUIRED and values.get("kind") is Kind.LOOKUPS and key.unused is not None:
            values[name] = key.unused
            continue
        if value is REQUIRED:
            raise UsageError(f"{where}: {name}: missing; every scenario needs it")
        try:
            values[name] = key.parse(value)
        except ValueError as error:
            raise UsageError(f"{place}: {name}: {error}") from error
    _check_kind(values, given)
    if values["demand.arrival"] is not Arrival.FLASH and not values["demand.over"]:
        place = given.get("demand.arrival", (where, None))[0]
        raise UsageError(
            f"{place}: demand.over: {values['demand.arrival']} arrivals need a time to spread over, as in 20s"
        )
    _check_unlimited(values, given, where)
    _check_classes(values, given)
    thresholds = _thresholds(values, given)
    return Scenario(
        name=values["name"],
        title=values["title"],
        description=values["description"],
        content=Content(values["content.size"], values["content.piece_size"], values["content.prewritten"]),
        links=Links(
            server=Link(values["links.server.up"], values["links.server.down"]),
            peer=Link(values["links.peer.up"], values["links.peer.down"]),
            delay=values["links.delay"],
            classes=values["links.classes"],
            loss=values["links.loss"],
        ),
        demand=Demand(values["demand.arrival"], values["demand.over"], values["demand.origin_leaves"]),
        contenders=values["contenders"],
        peers=values["peers"],
        repeats=values["repeats"],
        seed=values["seed"],
        own=values["contender"],
        lookups=_lookups(values) if values["kind"] is Kind.LOOKUPS else None,
        thresholds=thresholds,
    )


def _thresholds(values: Mapping[str, Any], given: Mapping[str, tuple[str, object]]) -> tuple[Threshold, ...]:
    """Each threshold with its contender told from its metric; raises UsageError for what this run does not measure."""
    try:
        return resolve_thresholds(
            values["thresholds"],
            values["contenders"],
            lookups=values["kind"] is Kind.LOOKUPS,
            bounded=not math.isinf(values["links.server.up"]),
        )
    except ValueError as error:
        raise UsageError(f"{given['thresholds'][0]}: thresholds: {error}") from error


def _lookups(values: Mapping[str, Any]) -> Lookups:
    return Lookups(
        items=values["lookup.items"],
        rate=values["lookup.load"],
        duration=values["lookup.duration"],
        churn=values["lookup.churn"],
        kill=values["lookup.kill"],
    )


def _check_unlimited(values: Mapping[str, Any], given: Mapping[str, tuple[str, object]], where: str) -> None:
    """Raise UsageError where some links have rates and some have none: a lab shapes all of them or none."""
    rates = {name: value for name, value in values.items() if RATE.fullmatch(name)}
    unlimited = [name for name, rate in rates.items() if math.isinf(rate)]
    if unlimited and len(unlimited) < len(rates):
        other = next(name for name in rates if name not in unlimited)
        place = given.get(unlimited[0], (where, None))[0]
        raise UsageError(f"{place}: {unlimited[0]}: unlimited, but {other} is not; limit all links or none")


def _check_classes(values: Mapping[str, Any], given: Mapping[str, tuple[str, object]]) -> None:
    """Raise UsageError for a rate of all peers on the command line, or unlimited links, where classes have rates."""
    if not values["links.classes"]:
        return
    for name in ("links.peer.up", "links.peer.down"):
        place = given[name][0]
        if place == "--set":
            raise UsageError(f"--set: {name}: peers have classes of links here; set links.classes, or clear it first")
    if math.isinf(values["links.server.up"]):
        raise UsageError(f"{given['links.classes'][0]}: links.classes: unlimited links have no classes")


def _check_kind(values: Mapping[str, Any], given: Mapping[str, tuple[str, object]]) -> None:
    """Raise UsageError for keys that mean nothing in a scenario of this kind, and for networks of one node."""
    of_lookups = values["kind"] is Kind.LOOKUPS
    foreign = ("content.", "demand.", "links.classes") if of_lookups else ("lookup.",)
    for name, (place, _) in given.items():
        if name.startswith(foreign) or (of_lookups and name == "contender"):
            means = "in a scenario of downloads" if of_lookups else "in a scenario of lookups: swarmbench run lookup"
            raise UsageError(f"{place}: {name}: has a meaning only {means}")
    if of_lookups and min(values["peers"]) < LEAST_NODES:
        place = given["peers"][0]
        raise UsageError(f"{place}: peers: a network has at least {LEAST_NODES} nodes: one that seeks, one that has")
