"""The method of a scenario of lookups in words: what the figures mean, what is not measured, what was asked."""

from __future__ import annotations

from harness.analysis.overlay_theory import epidemic_coverage
from harness.results.rarity import Rarity
from harness.scenarios.model import Kill, Lookups, Scenario
from harness.scenarios.units import format_rate

_FANOUT = 3
"""Of the example that tells what an epidemic reaches."""


def reading(scenario: Scenario) -> list[str]:
    """What figures and theory mean."""
    return [
        "A lookup succeeds when it finds somebody who has the item at that moment. Who has it is known to the harness, "
        "not taken from the network; where nobody had it, the lookup does not count.",
        "Messages and bytes are all that any node sent for a lookup, also after it was over. Where messages do not say "
        "what they are sent for, whoever looks counts the answers it gets as well.",
        f"Every class of items – on {', '.join(Rarity)} of the nodes – is looked for equally often, so that the rare "
        "ones are not lost in an average.",
        "A structured network keeps an index at the nodes nearest to a key: each hop at least halves the distance to "
        "it, so log₂ n hops are enough (Maymounkov and Mazières, 2002), whatever the item.",
        "In an unstructured one nobody knows where anything is. With d neighbours each, a flood over t hops reaches at "
        "most Σ d(d−1)^(i−1), i = 1…t, of the n nodes (Ripeanu, 2001), and finds one of r replicas with 1 − (1 − "
        "reach/n)^r. Real neighbourhoods overlap, so the dashed line is the most that can be hoped for.",
        "Does everybody who hears tell f others at random, the share π of the nodes hears that solves π = 1 − e^(−fπ) "
        f"(Eugster and others, 2004): with f = {_FANOUT}, {epidemic_coverage(_FANOUT):.0%}. To reach all, a flood has "
        "to be told to many more than there are.",
        "A hybrid network has an index at a few nodes that the others ask: two or three hops, and those few carry it.",
    ]


def unmeasured(scenario: Scenario, lab: str) -> list[str]:
    """What the reader must not conclude from this run."""
    delay = scenario.links.delay
    return [
        f"Every two hosts are {delay * 1000:g} ms apart."
        if delay
        else "Hosts are next to each other: times tell what nodes wait for and how busy they are, not distance. Each "
        "hop would cost a round trip.",
        "There are no NATs or firewalls, and nobody lies.",
        "All nodes of the network share the processors of one machine; a step that kept these too busy is invalid.",
        *(
            ["New nodes live where dead ones did, on another port."]
            if scenario.lookups and scenario.lookups.churn
            else []
        ),
    ]


def setting(scenario: Scenario, lab: str) -> list[tuple[str, str]]:
    """The scenario, as names and values."""
    lookups = scenario.lookups
    assert lookups is not None
    return [
        ("Items", f"{lookups.items}, from every fourth node to a single one, by Zipf's law"),
        ("Lookups", f"{lookups.count}, {lookups.rate:g} a second in the whole network"),
        ("Churn", f"{lookups.churn:.0%} of the nodes a minute" if lookups.churn else "none"),
        ("Killed at half time", _killed(lookups)),
        ("Links", format_rate(scenario.links.peer.up)),
        ("Nodes", ", ".join(map(str, scenario.peers))),
        ("Networks", ", ".join(scenario.contenders)),
        ("Repeats", str(scenario.repeats)),
        ("Seed", str(scenario.seed)),
        ("Lab", lab),
    ]


def _killed(lookups: Lookups) -> str:
    match lookups.kill:
        case Kill(share, supernodes=True):
            return f"{share:.0%} of the supernodes"
        case Kill(share):
            return f"{share:.0%} of the nodes"
    return "nobody"
