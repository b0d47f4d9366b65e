"""What a gate reads from a row: figures, of which more is better, and counters, of which less is."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.results.schema import Row

Reading = Callable[[Row], float | None]


def _gib_per_cpu_s(row: Row) -> float | None:
    """Of both ends together; the harness's share is not theirs."""
    spent = [row.cpu_s_per_gib.server, row.cpu_s_per_gib.peers]
    known = [each for each in spent if each is not None]
    return 1 / sum(known) if len(known) == len(spent) and sum(known) > 0 else None


def _share(count: int, row: Row) -> float | None:
    delivered = (row.goodput_bytes_per_s or 0.0) * (row.completion_s.last or 0.0)
    return count / delivered if delivered else None


FIGURES: Mapping[str, Reading] = {
    "goodput": lambda row: row.goodput_bytes_per_s,
    "gib_per_cpu_s": _gib_per_cpu_s,
    "efficiency": lambda row: row.efficiency,
}

COUNTERS: Mapping[str, Reading] = {
    "wasted": lambda row: _share(row.wasted_bytes, row),
    "origin": lambda row: _share(row.origin_bytes, row),
}


def read_figure(name: str, row: Row) -> float | None:
    """A figure or counter of a row; None where the row has none."""
    read = FIGURES.get(name) or COUNTERS[name]
    return read(row)
