"""What is exposed, read back by prometheus_client's parsers."""

from __future__ import annotations

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from harness.metrics.names import PREFIX

Key = tuple[str, frozenset[tuple[str, str]]]


def key(name: str, **labels: object) -> Key:
    return PREFIX + name, frozenset((label, str(value)) for label, value in labels.items())


def samples_of(text: str) -> dict[Key, float]:
    """The samples of a scrape by name and labels."""
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation and family.type != "unknown" for family in families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def moments_of(text: str) -> dict[float, dict[Key, float]]:
    """The samples of an OpenMetrics text by time.

    Each moment is parsed by itself: where a histogram comes at several, the parser (0.26) takes its buckets for
    duplicates of the first one's.
    """
    lines = text.splitlines()
    assert lines.pop() == "# EOF"
    moments = sorted({float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")})
    found: dict[float, dict[Key, float]] = {}
    for moment in moments:
        stamp = f" {moment:.3f}"
        at_once = [line for line in lines if line.startswith("#") or line.endswith(stamp)]
        families = openmetrics.text_string_to_metric_families("\n".join([*at_once, "# EOF", ""]))
        samples = [sample for family in families for sample in family.samples]
        found[moment] = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
        assert len(found[moment]) == len(samples), "no sample comes twice"
    return found
