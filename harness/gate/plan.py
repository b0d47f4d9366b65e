"""What a gate measures and what it tolerates: `gate.toml`, read and checked once.

A plan has experiments; each runs a scenario with a few overrides, and gates some of its figures – by how much a figure
may fall before it is suspect – and limits some counters.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.contenders import catalogue as contenders
from harness.errors import UsageError, unknown_name
from harness.gate.figures import COUNTERS, FIGURES
from harness.labs import catalogue as labs
from harness.scenarios import catalogue as scenarios
from harness.scenarios.model import OwnContender, Scenario
from harness.scenarios.reading import parse_overrides, read_scenario

DEFAULT = Path(__file__).with_name("gate.toml")

OWN = Path(__file__).with_name("own.toml")
"""The plan for contenders that somebody brought along."""

LEVEL = 0.01
"""A fall counts only when chance alone would show its like less often than this."""

WIDEST = 0.10
"""An interval that reaches further than this to either side of its estimate cannot tell what the gate asks."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a counter, as a share of the bytes delivered, may be: at most `most`, and at most `growth` times the
    base's where that is above `floor`."""

    most: float
    growth: float
    floor: float


@dataclass(frozen=True, slots=True)
class Experiment:
    """One scenario as the gate runs it: its overrides, and what is gated and limited."""

    name: str
    scenario: str
    contenders: tuple[str, ...]
    peers: int
    settings: tuple[str, ...]
    gates: Mapping[str, float]
    """By figure: the fall, as a share, beyond which it is suspect."""
    limits: Mapping[str, Limit]


@dataclass(frozen=True, slots=True)
class Plan:
    """The experiments, and how many pairs of each make a batch."""

    pairs: int
    experiments: tuple[Experiment, ...]

    @property
    def gated(self) -> int:
        """How many figures are judged in all, each contender's apart."""
        return sum(len(each.gates) * len(each.contenders) for each in self.experiments)

    @property
    def fewest_pairs(self) -> int:
        """With fewer, no fall whatever could ever be called: the rarest outcome of n signs has probability 2⁻ⁿ, and
        counts as many times as there are figures (Holm)."""
        pairs = 1
        while self.gated * 0.5**pairs >= LEVEL:
            pairs += 1
        return pairs


def read_plan(path: Path, pairs: int | None = None, own: Sequence[OwnContender] = ()) -> Plan:
    """The plan in a TOML file, with another number of pairs if given; raises UsageError.

    With contenders that somebody brought along, every experiment is about these.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    found = table.get("experiment")
    if not isinstance(found, list) or not found or not all(isinstance(each, dict) for each in found):
        raise UsageError(f"{path}: names no experiment; write at least one [[experiment]]")
    wanted = pairs if pairs is not None else table.get("pairs", 20)
    if isinstance(wanted, bool) or not isinstance(wanted, int):
        raise UsageError(f"{path}: pairs: {wanted!r} is not a whole number")
    plan = Plan(wanted, tuple(_experiment(each, own, f"{path}: experiment {i}") for i, each in enumerate(found, 1)))
    if plan.pairs < plan.fewest_pairs:
        raise UsageError(
            f"{path}: {plan.pairs} pairs can never show a fall of {plan.gated} figures with certainty; "
            f"use at least {plan.fewest_pairs}"
        )
    return plan


def _experiment(table: Mapping[str, Any], own: Sequence[OwnContender], where: str) -> Experiment:
    known = {"name", "scenario", "contenders", "peers", "set", "gates", "limits"}
    for key in table:
        if key not in known:
            raise UsageError(f"{where}: {unknown_name('key', key, known)}")
    try:
        experiment = Experiment(
            name=str(table.get("name", table["scenario"])),
            scenario=str(table["scenario"]),
            contenders=tuple(each.name for each in own) or tuple(str(name) for name in table["contenders"]),
            peers=int(table["peers"]),
            settings=tuple(f"{key}={value}" for key, value in table.get("set", {}).items()),
            gates={figure: _share(value) for figure, value in table.get("gates", {}).items()},
            limits={counter: _limit(value) for counter, value in table.get("limits", {}).items()},
        )
    except KeyError as error:
        raise UsageError(f"{where}: lacks {error.args[0]}") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{where}: {error}") from None
    for figure in experiment.gates:
        if figure not in FIGURES:
            raise UsageError(f"{where}: gates: {unknown_name('figure', figure, FIGURES)}")
    for counter in experiment.limits:
        if counter not in COUNTERS:
            raise UsageError(f"{where}: limits: {unknown_name('counter', counter, COUNTERS)}")
    if not experiment.gates and not experiment.limits:
        raise UsageError(f"{where}: gates nothing; name a figure in gates or a counter in limits")
    scenario = _scenario(experiment, own)
    _check_lab(experiment, scenario)
    return experiment


def _scenario(experiment: Experiment, own: Sequence[OwnContender]) -> Scenario:
    """As the scenario's own reader understands it; raises UsageError."""
    overrides = parse_overrides(experiment.settings)
    overrides["contenders"] = ("contenders", ",".join(experiment.contenders))
    overrides["peers"] = ("peers", str(experiment.peers))
    scenario = read_scenario(scenarios.find(experiment.scenario), overrides)
    contenders.choose(scenario.contenders, own)
    return scenario


def _check_lab(experiment: Experiment, scenario: Scenario) -> None:
    """Raise UsageError where links cannot be shaped: contenders that hold themselves to rates say little of them."""
    [namespace] = [row for row in labs.rows() if row.fidelity == "namespace"]
    if not scenario.links.unlimited and not namespace.availability.usable:
        raise UsageError(
            f"{experiment.name}: its links need the namespace lab, which does not work here: "
            f"{namespace.availability.reason}; or name a --plan whose links are unlimited"
        )


def _share(value: object) -> float:
    text = str(value)
    share = float(text.removesuffix("%")) / 100
    if not text.endswith("%") or not 0 < share < 1:
        raise ValueError(f"{value!r} is not a share: write it as in '10%'")
    return share


def _limit(value: Mapping[str, object]) -> Limit:
    growth = str(value["growth"])
    if not growth.endswith("x") or float(growth[:-1]) < 1:
        raise ValueError(f"{growth!r} is not a growth: write it as in '1.5x'")
    return Limit(_share(value["most"]), float(growth[:-1]), _share(value["floor"]))
