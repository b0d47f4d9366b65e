"""What came of a step of lookups: each judged by who really had the item then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.contenders.node_control import Census, Cost
from harness.contenders.population import Population
from harness.demand.driver import unanswered
from harness.demand.lookups import PATIENCE_S, LookupPlan
from harness.demand.messages import Answered
from harness.labs.base import Host
from harness.results.rarity import rarity
from harness.results.schema import Lookup, NodeFigures, Sample
from harness.results.step import Step

TRAILING_S = 1.0
"""After the last answer, messages may still be under way for a lookup; its cost is read when they have arrived."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The records of one step."""

    began: float
    """The time of day at which its times are 0."""
    lookups: list[Lookup]
    nodes: list[NodeFigures] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)


def judged(
    step: Step,
    plan: LookupPlan,
    hosts: Sequence[Host],
    answer: Answered,
    cost: Cost,
    population: Population,
    t0: float,
) -> Lookup:
    """One lookup, held against who had its item while it lasted; `t0` is the step's start on the population's clock."""
    query = plan.queries[answer.number]
    since = t0 + (query.at_s if answer.started_s is None else answer.started_s)
    until = t0 + (query.at_s + PATIENCE_S if answer.done_s is None else answer.done_s)
    replicas, owners = population.replicas(query.item, since, until), population.owners(query.item, since, until)
    return _record(step, plan, hosts, answer, cost, replicas, owners)


def unheard(step: Step, plan: LookupPlan, hosts: Sequence[Host], error: str) -> list[Lookup]:
    """As many lookups as are planned, none of which began, and why."""
    return [
        _record(step, plan, hosts, unanswered(number, error), Cost(), frozenset(), frozenset())
        for number in range(len(plan.queries))
    ]


def _record(
    step: Step,
    plan: LookupPlan,
    hosts: Sequence[Host],
    answer: Answered,
    cost: Cost,
    replicas: frozenset[str],
    owners: frozenset[str],
) -> Lookup:
    query = plan.queries[answer.number]
    found = frozenset(answer.peers)
    return Lookup(
        contender=step.contender,
        nodes=step.peers,
        repeat=step.repeat,
        node=hosts[query.place].name,
        item=query.item,
        rarity=rarity(len(plan.items[query.item].places), step.peers),
        replicas=len(replicas),
        intended_s=round(query.at_s, 6),
        started_s=answer.started_s,
        first_peer_s=answer.first_peer_s,
        done_s=answer.done_s,
        ok=not found.isdisjoint(owners),
        found=len(found & replicas),
        stale=len(found - owners),
        hops=answer.hops,
        longest=answer.longest,
        messages=cost.messages,
        bytes=cost.bytes,
        error=answer.error,
    )


def figures(step: Step, now: Census, before: Census | None) -> NodeFigures:
    """What a node has come to since the first lookup, or its birth."""
    since = before or Census.newborn(now.id)
    return NodeFigures(
        contender=step.contender,
        nodes=step.peers,
        repeat=step.repeat,
        node=now.id,
        over_s=round(now.age_s - since.age_s, 3),
        joined=now.joined,
        neighbours=now.neighbours,
        entries=now.entries,
        sent=now.sent - since.sent,
        sent_bytes=now.sent_bytes - since.sent_bytes,
        received=now.received - since.received,
        dropped=now.dropped - since.dropped,
        refused=now.refused - since.refused,
    )
