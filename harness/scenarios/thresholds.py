"""Thresholds of a run: `efficiency = ">=0.9"` in a scenario's [thresholds], or `--threshold "efficiency>=0.9"`.

A metric goes by its name in `summary.json`; written after a contender's name and a dot it is of that contender alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from harness.errors import unknown_name
from harness.scenarios.model import Threshold
from harness.scenarios.units import parse_rate, parse_size, parse_time

_CONDITION = re.compile(r"\s*(>=|<=|>|<)\s*(.+?)\s*")
_PLAIN = re.compile(r"\d+(\.\d+)?")
_THRESHOLD = re.compile(r"\s*([^<>=]+?)\s*((?:>=|<=|>|<).*)")


def _count(text: str) -> float:
    return _number(text, "a number")


def _share(text: str) -> float:
    """From `0.9` or `90%`."""
    if text.endswith("%"):
        return _number(text[:-1], "a share such as 90%") / 100
    return _number(text, "a share such as 0.9 or 90%")


def _rate(text: str) -> float:
    """From bytes per second, or a rate such as `8mbit`."""
    return float(text) if _PLAIN.fullmatch(text) else parse_rate(text)


def _number(text: str, what: str) -> float:
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{text!r} is not {what}")
    return float(text)


Parse = Callable[[str], float]

METRICS: Mapping[str, Parse] = {
    "completed": _count,
    "failed": _count,
    "completion_s.p50": parse_time,
    "completion_s.p95": parse_time,
    "completion_s.p99": parse_time,
    "completion_s.last": parse_time,
    "first_byte_s.p50": parse_time,
    "first_peer_s.p50": parse_time,
    "goodput_bytes_per_s": _rate,
    "efficiency": _share,
    "origin_bytes": parse_size,
    "origin_offload": _share,
    "wasted_bytes": parse_size,
    "cpu_s_per_gib.server": _count,
    "cpu_s_per_gib.peers": _count,
    "peak_rss_bytes": parse_size,
    "fairness_jain": _share,
    "late_starts": _count,
}
"""Of a scenario of downloads."""

LOOKUP_METRICS: Mapping[str, Parse] = {
    "success": _share,
    "recall": _share,
    "hops.mean": _count,
    "hops.p95": _count,
    "messages": _count,
    "bytes": parse_size,
    "first_peer_s.p50": parse_time,
    "first_peer_s.p95": parse_time,
    "done_s.p50": parse_time,
    "done_s.p95": parse_time,
}
"""Of a scenario of lookups, for each rarity."""

NEEDS_LINKS = ("efficiency",)
"""Metrics that exist only where links have rates, and so theory a bound."""


def parse_thresholds(value: object) -> dict[str, str]:
    """The condition of each name, from a table or from texts such as `efficiency>=0.9`; raises ValueError."""
    if isinstance(value, Mapping):
        return dict(_flatten(value))
    conditions: dict[str, str] = {}
    for text in value if isinstance(value, Sequence) and not isinstance(value, str) else str(value).split(","):
        match = _THRESHOLD.fullmatch(str(text))
        if match is None:
            raise ValueError(f"{text!r} is not a threshold: write a metric, a comparison and a value: efficiency>=0.9")
        if match[1] in conditions:
            raise ValueError(f"{match[1]}: stands there twice")
        conditions[match[1]] = match[2]
    return conditions


def resolve_thresholds(
    conditions: Mapping[str, str], contenders: Sequence[str], *, lookups: bool, bounded: bool
) -> tuple[Threshold, ...]:
    """The thresholds of a run of these contenders; raises ValueError for what such a run does not measure."""
    metrics = LOOKUP_METRICS if lookups else METRICS
    return tuple(_threshold(name, text, contenders, metrics, bounded) for name, text in conditions.items())


def _threshold(
    name: str, text: str, contenders: Sequence[str], metrics: Mapping[str, Parse], bounded: bool
) -> Threshold:
    contender, metric = _split(name, metrics)
    if contender is not None and contender not in contenders:
        raise ValueError(f"{name}: {contender} takes no part; contenders: {', '.join(contenders)}")
    if metric in NEEDS_LINKS and not bounded:
        raise ValueError(f"{name}: has a value only where links have rates; here they are unlimited")
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"{name}: {text!r} is not a condition: write >=, <=, > or < and a value, as in >=0.9")
    try:
        return Threshold(contender, metric, match[1], float(metrics[metric](match[2])))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _split(name: str, metrics: Mapping[str, Parse]) -> tuple[str | None, str]:
    """Contender and metric; both may have dots in their names."""
    if name in metrics:
        return None, name
    for metric in metrics:
        if name.endswith(f".{metric}"):
            return name.removesuffix(f".{metric}"), metric
    raise ValueError(str(unknown_name("metric", name, metrics)))


def _flatten(table: Mapping[object, object], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value)
