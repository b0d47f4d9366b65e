"""The names under which a run's state is exposed to Prometheus: `swarmbench_*`, base units, no abbreviations."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge


class RunMetrics:
    """The gauges of one run, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        step = ("contender", "peers", "repeat")
        self.playing = self._gauge("step_playing", "1 while the step is under way.", step)
        self.verified = self._gauge(
            "step_verified_bytes", "Bytes that peers have verified in the step under way.", step
        )
        self.completed = self._gauge("step_completed_transfers", "Transfers of the step that ended.", step)
        self.efficiency = self._gauge("step_efficiency_ratio", "Bound over last completion, of finished steps.", step)
        self.last_completion = self._gauge("step_last_completion_seconds", "Last completion of finished steps.", step)
        self.cpu = self._gauge("role_cpu_seconds", "CPU time of a role since the step's start.", ("role",))
        self.memory = self._gauge("role_resident_memory_bytes", "Resident memory of a role's processes.", ("role",))

    def _gauge(self, name: str, text: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(f"swarmbench_{name}", text, labels, registry=self.registry)
