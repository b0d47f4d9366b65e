"""What people get to see of a run directory: summary, report, pictures – made anew from its raw records at any time.

What draws is imported when there is something to draw: it takes a third of the time that other commands start in.
"""

from __future__ import annotations

from pathlib import Path

from harness.analysis.summary import summarize_run
from harness.contenders.catalogue import central
from harness.errors import SwarmbenchError
from harness.results.files import replace_file, writing
from harness.results.run import Run, read_run
from harness.results.schema import Environment, Summary
from harness.results.store import RunDirectory

REPORT = "report.html"


def publish(directory: Path) -> Summary:
    """Write summary, report and pictures of the run in a directory; raises SwarmbenchError when it holds nothing."""
    from harness.reports.html import render_html
    from harness.reports.images import write_images

    recorded = read_run(directory)
    if recorded.environment is None or not recorded.finished:
        raise SwarmbenchError(f"{directory}: no step of this run is finished, so there is nothing to show yet")
    summary = summarize_recorded(recorded, recorded.environment)
    RunDirectory(directory).write_summary(summary)
    records = recorded.lookups if recorded.scenario.lookups else recorded.transfers
    report = render_html(recorded.scenario, recorded.environment, summary, records)
    replace_file(directory / REPORT, report.encode())
    with writing(directory):
        write_images(summary, directory, recorded.transfers)
    return summary


def summarize_recorded(recorded: Run, environment: Environment) -> Summary:
    """The summary of what is on record."""
    return summarize_run(recorded, environment, central(recorded.scenario.own))
