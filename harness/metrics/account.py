"""What happens in a run, turned into figures: one place for both who watches it live and who exports its records.

The rule: whatever is told here comes as the record that the run directory keeps of it, so that a run shows the same
live and afterwards. What processes tell at their own endpoints is kept nowhere, and so is there live alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.metrics import names
from harness.metrics.endpoints import Overheard
from harness.metrics.names import Family
from harness.metrics.series import Ledger, Series
from harness.results.roles import Role
from harness.results.schema import Calibration, Lookup, LookupRow, Row, Sample, Transfer
from harness.results.step import Step, step_of

OK, FAILED = "ok", "failed"
FOUND, NOTHING = "found", "nothing"
SOURCES = ("origin", "peers", "webseed")
CPU_ROLES = ("server", "peers", "harness")


class Account:
    """The figures of one run, which is known by its name, its scenario, the variant of that, and its lab."""

    def __init__(self, run: str, scenario: str, variant: str, lab: str, *, per_peer: bool = False) -> None:
        self.ledger = Ledger()
        self._run = (run, scenario, variant, lab)
        self._per_peer = per_peer
        """Whether single peers of the step under way are told of."""

    def run_started(self, calibration: Calibration | None) -> None:
        """The run begins, on links with these rates; None if nobody limits them."""
        self.ledger.at(names.RUN_INFO, *self._run).set(1)
        for link in calibration.links if calibration else ():
            labels = (link.link, link.direction, str(link.flows))
            self.ledger.at(names.LINK_RATE, *self._run, *labels).set(link.measured)
            if (link.link, link.direction) == ("server", "up") and link.fairness_jain is not None:
                self.ledger.at(names.LINK_FAIRNESS, *self._run).set(link.fairness_jain)

    def step_started(self, step: Step, *, lookups: bool) -> None:
        """A step begins. What it will count is there from now on: what grows from 0 has a rate at once."""
        for family in (names.PEER_VERIFIED, names.PEER_COMPLETION):
            self.ledger.forget(family)
        self._at(names.PLAYING, step).set(1)
        self._at(names.DROPS, step)
        for role in Role:
            self._at(names.CPU, step, role)
        if lookups:
            return
        for family in (names.CURRENT_PEERS, names.VERIFIED, names.WASTED):
            self._at(family, step)
        for family in (names.DURATION, names.FIRST_BYTE, names.FIRST_PEER):
            self._at(family, step)
        for outcome in (OK, FAILED):
            self._at(names.TRANSFERS, step, outcome)
        for source in SOURCES:
            self._at(names.TRANSFERRED, step, source)

    def current_peers(self, step: Step, count: int) -> None:
        """So many peers download now."""
        self._at(names.CURRENT_PEERS, step).set(count)

    def verified(self, step: Step, size: int) -> None:
        """So many bytes have arrived and are what they should be."""
        self._at(names.VERIFIED, step).set(size)

    def peers_verified(self, step: Step, by_host: Mapping[str, int]) -> None:
        """So many bytes each host's peer has verified."""
        for host, size in by_host.items():
            self._at(names.PEER_VERIFIED, step, host).set(size)

    def demanded(self, step: Step, *, users: int, requests: int, late_s: float, lag_s: float) -> None:
        """The demand process tells how it copes."""
        figures = ((names.USERS, users), (names.REQUESTS, requests), (names.LATENESS, late_s), (names.LAG, lag_s))
        for family, value in figures:
            self._at(family, step).set(value)

    def transfer_ended(self, transfer: Transfer) -> None:
        """A download ended, well or not."""
        step = step_of(transfer)
        if self._per_peer:
            self._at(names.PEER_VERIFIED, step, transfer.host).set(transfer.bytes)
            if transfer.done_s is not None:
                self._at(names.PEER_COMPLETION, step, transfer.host).set(_since(transfer.intended_s, transfer.done_s))
        self._at(names.TRANSFERS, step, OK if transfer.ok else FAILED).add(1)
        for source in SOURCES:
            self._at(names.TRANSFERRED, step, source).add(getattr(transfer.sources, source))
        self._at(names.WASTED, step).add(transfer.wasted_bytes)
        waits = (
            (names.DURATION, transfer.done_s),
            (names.FIRST_BYTE, transfer.first_byte_s),
            (names.FIRST_PEER, transfer.first_peer_s),
        )
        for family, at_s in waits:
            if at_s is not None:
                self._at(family, step).observe(_since(transfer.intended_s, at_s))

    def sampled(self, sample: Sample) -> None:
        """A role has used so much by now."""
        step = step_of(sample)
        self._at(names.CPU, step, sample.role).set(sample.cpu_s)
        if sample.role == Role.MACHINE:
            self._at(names.DROPS, step).set(sample.backlog_drops)
        else:
            self._at(names.MEMORY, step, sample.role).set(sample.rss_bytes)
        for kind, switches in (("voluntary", sample.waits), ("involuntary", sample.preemptions)):
            if switches is not None:
                self._at(names.SWITCHES, step, sample.role, kind).set(switches)
        if sample.link_bytes is not None:
            self._at(names.LINKS, step).set(sample.link_bytes)
        if sample.bytes:
            self.verified(step, sample.bytes)

    def lookup_ended(self, lookup: Lookup) -> None:
        """A lookup ended; as in summaries, it counts if there was somebody to be found."""
        if not (lookup.replicas or lookup.ok):
            return
        step = step_of(lookup)
        self._at(names.LOOKUPS, step, FOUND if lookup.ok else NOTHING, lookup.rarity).add(1)
        self._at(names.LOOKUP_MESSAGES, step, lookup.rarity).observe(lookup.messages)
        if lookup.hops is not None:
            self._at(names.LOOKUP_HOPS, step, lookup.rarity).observe(lookup.hops)
        if lookup.first_peer_s is not None:
            self._at(names.LOOKUP_FIRST, step, lookup.rarity).observe(_since(lookup.intended_s, lookup.first_peer_s))

    def overheard(self, step: Step, told: Overheard) -> None:
        """Processes tell so much of themselves, counted since they were started for this step."""
        for family, series in told.items():
            for labels, value in series.items():
                self._at(family, step, *labels).set(value)

    def step_finished(self, step: Step, rows: Sequence[Row], lookup_rows: Sequence[LookupRow]) -> None:
        """A step ended, and this is what it came to: one row, or of lookups several."""
        self._at(names.PLAYING, step).set(0)
        valid = [row.valid for row in rows] + [row.valid for row in lookup_rows]
        self._at(names.VALID, step).set(float(all(valid)))
        for row in rows:
            self.current_peers(step, 0)
            self._summed_up(step, row)

    def _summed_up(self, step: Step, row: Row) -> None:
        completion = (("0.5", row.completion_s.p50), ("0.95", row.completion_s.p95), ("1", row.completion_s.last))
        figures: list[tuple[Family, tuple[str, ...], float | None]] = [
            *((names.COMPLETION, (quantile,), value) for quantile, value in completion),
            (names.BOUND, (), row.bound_s),
            (names.EFFICIENCY, (), row.efficiency),
            (names.GOODPUT, (), row.goodput_bytes_per_s),
            (names.ORIGIN, (), row.origin_bytes),
            (names.OFFLOAD, (), row.origin_offload),
            (names.FAIRNESS, (), row.fairness_jain),
            *((names.CPU_PER_GIB, (role,), getattr(row.cpu_s_per_gib, role)) for role in CPU_ROLES),
        ]
        for family, labels, value in figures:
            if value is not None:
                self._at(family, step, *labels).set(value)

    def _at(self, family: Family, step: Step, *labels: str) -> Series:
        return self.ledger.at(family, *self._run, step.contender, str(step.peers), str(step.repeat), *labels)


def _since(intended_s: float, at_s: float) -> float:
    """A histogram's sum must not fall, whatever times somebody's own contender tells."""
    return max(0.0, at_s - intended_s)
