"""The table of a cross-check, for a terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from harness.analysis.crosscheck import TOLERANCE, Crosscheck
from harness.reports.scaling import Cells, markdown, optional, print_table
from harness.reports.terminal import wide_console

HEADINGS = (
    "peers",
    "real, s",
    "simulated, s",
    "model, s",
    "bound, s",
    "simulated ÷ real",
    "model ÷ simulated",
    "bound ÷ real",
    "bound ÷ simulated",
    "bound ÷ model",
)


def print_crosscheck(found: Crosscheck, console: Console | None = None) -> None:
    """Print the table, and the bars that are missed."""
    console = console or wide_console()
    print_table(f"{found.scenario}: seconds until the last of a swarm has it", HEADINGS, _rows(found), console)
    for line in _told(found):
        console.print(line, markup=False, highlight=False)


def as_markdown(found: Crosscheck) -> str:
    """The same for a document."""
    return markdown(HEADINGS, _rows(found)) + "\n" + "".join(f"- {line}\n" for line in _told(found))


def _rows(found: Crosscheck) -> Iterable[Cells]:
    for line in found.lines:
        times = (line.real, line.simulated, line.model, line.bound)
        shares = (value and line.bound / value for value in (line.real, line.simulated, line.model))
        yield (
            f"{line.peers:,}",
            *(optional(value, ".2f") for value in times),
            optional(line.simulated_over_real, ".3f"),
            optional(line.model_over_simulated, ".3f"),
            *(optional(share, ".3f") for share in shares),
        )


def _told(found: Crosscheck) -> list[str]:
    good = f"Every bar is met: neighbours within {TOLERANCE:.0%} of each other, and nothing below its bound."
    return [f"missed: {each}" for each in found.missed] or [good]
