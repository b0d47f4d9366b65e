"""A gate's verdict for those who read it: a terminal, a pull request, a CI server, a person who likes pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.gate.measuring import PairRecord
from harness.gate.record import FigureRecord, GateRecord, short

STYLES = {"pass": "green", "regression": "bold red", "inconclusive": "yellow"}

WORDS = {
    "pass": "No regression",
    "regression": "Regression",
    "inconclusive": "Inconclusive: this machine cannot tell",
}

HEADINGS = ("experiment", "contender", "figure", "change", "95 % interval", "p", "outcome", "why")


def print_gate(record: GateRecord, console: Console | None = None) -> None:
    """The table and the verdict in a terminal."""
    console = console or Console()
    table = Table(title=_title(record), title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading)
    for figure in record.figures:
        *cells, outcome, why = _cells(figure)
        table.add_row(*cells, Text(outcome, STYLES[outcome]), why)
    console.print(table)
    console.print(Text(WORDS[record.outcome], STYLES[record.outcome]))


def markdown(record: GateRecord) -> str:
    """The same for a pull request's comment."""
    lines = [f"### swarmbench gate: {WORDS[record.outcome]}", "", _title(record), ""]
    lines += [f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    lines += [
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in _cells(figure))} |" for figure in record.figures
    ]
    return "\n".join(lines) + "\n"


def junit(record: GateRecord) -> bytes:
    """The same as JUnit XML: a test case a figure; a regression fails, what cannot be told is skipped."""
    outcomes = [figure.outcome for figure in record.figures]
    suite = ElementTree.Element(
        "testsuite",
        name="swarmbench gate",
        tests=str(len(outcomes)),
        failures=str(outcomes.count("regression")),
        skipped=str(outcomes.count("inconclusive")),
        timestamp=record.at,
    )
    for figure in record.figures:
        name = f"{figure.contender} {figure.figure}"
        case = ElementTree.SubElement(suite, "testcase", classname=f"gate.{figure.experiment}", name=name)
        if figure.outcome == "regression":
            ElementTree.SubElement(case, "failure", message=figure.reason)
        elif figure.outcome == "inconclusive":
            ElementTree.SubElement(case, "skipped", message=figure.reason)
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document


def write_picture(pairs: Sequence[PairRecord], path: Path) -> None:
    """The pairs as dots about no change, a row a subject; raises OSError."""
    import altair  # what draws is slow to import, and most commands draw nothing
    import vl_convert

    points = [
        {
            "subject": f"{pair.experiment} · {pair.contender} · {pair.figure}",
            "head / base": pair.head / pair.base,
            "batch": f"batch {pair.batch}",
        }
        for pair in pairs
        if pair.base > 0 and pair.head > 0
    ]
    dots = (
        altair.Chart(altair.Data(values=points))
        .mark_circle(opacity=0.6)
        .encode(
            x=altair.X("head / base:Q", scale=altair.Scale(type="log", nice=False)),
            y=altair.Y("subject:N", title=None, axis=altair.Axis(labelLimit=400)),
            color=altair.Color("batch:N", title=None),
        )
    )
    unchanged = altair.Chart(altair.Data(values=[{"x": 1}])).mark_rule(strokeDash=[4, 4]).encode(x="x:Q")
    chart = (dots + unchanged).properties(width=600, title="Each pair: head over base, more is better")
    path.write_bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2))


def _title(record: GateRecord) -> str:
    compared = f"{short(record.base)} → {short(record.head)}"
    if not record.pairs:
        return f"{compared} · two stored runs"
    return (
        f"{compared} · {record.pairs} pairs in random order, {record.batches} batch{'es' if record.batches > 1 else ''}"
    )


def _cells(figure: FigureRecord) -> Sequence[str]:
    if not figure.changes:
        return figure.experiment, figure.contender, figure.figure, "", "", "", figure.outcome, figure.reason
    low, high = figure.intervals[-1]
    return (
        figure.experiment,
        figure.contender,
        figure.figure,
        f"{figure.changes[-1]:+.1%}",
        f"{low:+.1%} … {high:+.1%}",
        f"{figure.p[-1]:.3f}",
        figure.outcome,
        figure.reason,
    )
