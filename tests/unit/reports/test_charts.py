"""What is drawn, in which colours, and what is not."""

from __future__ import annotations

import json
import struct

import pytest
from records import LASTS, row, summary, transfers_of, whole_run

from harness.reports.charts import charts
from harness.reports.images import write_images
from harness.reports.palette import looks
from harness.reports.plots import dressed

RUN, TRANSFERS = whole_run()


def specification(name: str, run=RUN, transfers=TRANSFERS) -> dict:
    [chart] = [chart for chart in charts(run, transfers) if chart.name == name]
    return dressed(chart.plot, width=600, height=300, ink="black", background="white", description=chart.description)


def drawn_values(spec: dict) -> list[dict]:
    return (
        [value for values in spec["datasets"].values() for value in values]
        if "datasets" in spec
        else [value for layer in spec["layer"] for value in layer["data"]["values"]]
    )


def test_a_run_fills_every_chart():
    """In the order in which one reads them."""
    names = [chart.name for chart in charts(RUN, TRANSFERS)]
    assert names == ["completion", "goodput", "finishers", "origin", "efficiency", "cpu"]


def test_every_repeat_is_a_mark():
    """Beside the lines through the medians."""
    marks = [value for value in drawn_values(specification("completion")) if "repeat" in value]
    assert len(marks) == len(RUN.rows)
    assert {mark["figure"] for mark in marks} == {row.completion_s.last for row in RUN.rows}


def test_a_line_goes_through_the_medians_and_another_is_the_limit():
    """At 32 peers of http: 56.5 s, times 1.02 for the middle repeat."""
    values = drawn_values(specification("completion"))
    at = {v["line"]: v["figure"] for v in values if "line" in v and (v["contender"], v["peers"]) == ("http", 32)}
    assert at["last peer"] == pytest.approx(56.5 * 1.02)
    assert at["limit"] == pytest.approx(56.5 * 1.02 * 0.9)


def test_the_crossover_is_marked_and_told():
    """From 2 peers on the swarm leads."""
    assert {"peers": 2, "text": "swarm leads →"} in drawn_values(specification("completion"))
    assert "The swarm leads from 2 peers on." in charts(RUN)[0].caption


def test_invalid_rows_are_not_drawn():
    """They are in the table, struck through."""
    run = summary([*RUN.rows, row("swarm", 64, 1.0, invalid="the machine was saturated")])
    assert 64 not in {value.get("peers") for value in drawn_values(specification("completion", run))}


def test_a_contender_keeps_its_colour_whoever_else_takes_part():
    """Readers of many reports learn them."""
    assert looks(["http", "swarm"])["swarm"] == looks(["swarm", "aria2"])["swarm"]


def test_unknown_contenders_are_told_apart_by_their_marks():
    """They share a colour."""
    mine, yours = looks(["mine", "http", "yours"])["mine"], looks(["mine", "http", "yours"])["yours"]
    assert mine.colour == yours.colour
    assert mine.shape != yours.shape


def test_who_is_done_when_is_shown_at_the_largest_number_of_peers():
    """A curve for each repeat, ending with everybody."""
    values = drawn_values(specification("finishers"))
    assert {(v["contender"], v["repeat"]) for v in values if v["done"] == 32} == {
        (name, repeat) for name in LASTS for repeat in range(3)
    }


def test_a_curve_of_many_peers_is_thinned_to_what_can_be_seen():
    """A thousand steps become two hundred, and the last is kept."""
    rows = [row("http", 1000, 50.0)]
    values = drawn_values(specification("finishers", summary(rows), transfers_of(rows[0])))
    assert len(values) <= 202
    assert max(value["done"] for value in values) == 1000


def test_a_chart_describes_itself_to_those_who_cannot_see_it():
    """With the ends of each line."""
    assert charts(RUN)[0].description.endswith("The swarm: 1.94 s at 1, 8.47 s at 32.")


def test_without_transfers_there_is_no_chart_of_finishers():
    """Rows alone do not tell it."""
    assert "finishers" not in [chart.name for chart in charts(RUN)]


def test_nothing_valid_draws_nothing():
    """No empty axes."""
    assert charts(summary([row("http", 4, None, invalid="crashed")])) == []


@pytest.mark.parametrize("rows", [[row("http", 4, 8.0)], [row("swarm", 1, 2.0), row("http", 1, 2.0)]])
def test_a_single_number_of_peers_can_be_drawn(rows, tmp_path):
    """An axis of one value has no extent of its own."""
    assert all(path.stat().st_size > 5000 for path in write_images(summary(rows), tmp_path))


def test_images_are_sharp_pngs_named_after_their_charts(tmp_path):
    """Twice as many pixels as points."""
    paths = write_images(RUN, tmp_path, TRANSFERS)
    assert [path.name for path in paths][:2] == ["completion.png", "goodput.png"]
    width, height = struct.unpack(">II", paths[0].read_bytes()[16:24])
    assert (width, height) >= (1500, 800)


def test_specifications_are_plain_json():
    """NaN or infinity would end the page's script."""
    json.dumps(specification("efficiency"), allow_nan=False)
