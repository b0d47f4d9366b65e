"""The charts of a run, whether it was of downloads or of lookups.

Apart from what else is shown of it, as whoever draws nothing need not wait for what draws.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.reports.charts import Chart, charts
from harness.reports.lookup_charts import lookup_charts
from harness.results.schema import Summary, Transfer


def charts_of(summary: Summary, transfers: Sequence[Transfer] = ()) -> list[Chart]:
    """Every chart that the valid rows can fill, in reading order."""
    return lookup_charts(summary) if summary.lookup_rows else charts(summary, transfers)
