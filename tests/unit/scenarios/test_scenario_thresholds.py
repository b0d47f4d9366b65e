"""Thresholds as people write them, in a scenario and on the command line."""

from __future__ import annotations

import pytest

from harness.errors import UsageError
from harness.scenarios import catalogue
from harness.scenarios.model import Threshold
from harness.scenarios.reading import read_scenario
from harness.scenarios.thresholds import parse_thresholds

SPEED, CROWD, LOOKUP = map(catalogue.find, ("speed", "flash-crowd", "lookup"))


def thresholds(path, value):
    return read_scenario(path, {"thresholds": ("here", value)}).thresholds


def test_a_table_and_texts_say_the_same():
    """One contender's alone stands in a table of its own, or after its name; units are people's."""
    table = {"efficiency": ">=90%", "swarm": {"completion_s": {"p95": "< 20s"}, "wasted_bytes": "<=1MiB"}}
    texts = ["efficiency>=0.9", "swarm.completion_s.p95<20", "swarm.wasted_bytes <= 1048576"]
    assert thresholds(CROWD, table) == thresholds(CROWD, texts)
    assert thresholds(CROWD, texts) == (
        Threshold(None, "efficiency", ">=", 0.9),
        Threshold("swarm", "completion_s.p95", "<", 20.0),
        Threshold("swarm", "wasted_bytes", "<=", 2.0**20),
    )


def test_rates_are_written_as_everywhere():
    """Or in bytes per second, which is the metric's unit."""
    assert parse_thresholds("goodput_bytes_per_s>8mbit") == {"goodput_bytes_per_s": ">8mbit"}
    [told], [plain] = (thresholds(SPEED, f"goodput_bytes_per_s>{rate}") for rate in ("8mbit", "1000000.0"))
    assert told == plain


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (CROWD, "eficiency>=0.9", "unknown metric 'eficiency'; did you mean 'efficiency'? known: completed"),
        (CROWD, "success>=0.9", "unknown metric 'success'"),
        (LOOKUP, "efficiency>=0.9", "unknown metric 'efficiency'"),
        (CROWD, "nginx.efficiency>=0.9", "nginx takes no part; contenders: http, swarm"),
        (CROWD, "efficiency>=ninety", "'ninety' is not a share"),
        (CROWD, "completion_s.last<8mbit", "is not a time"),
        (CROWD, "efficiency=0.9", "is not a threshold"),
        (CROWD, "efficiency=>0.9", "is not a threshold"),
        (CROWD, {"efficiency": "0.9"}, "is not a condition"),
        (CROWD, {"efficiency": 0.9}, "is not a condition"),
        (CROWD, 3, "'3' is not a threshold"),
        (CROWD, ["failed<1", "failed<2"], "stands there twice"),
        (SPEED, "efficiency>=0.9", "unlimited"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(path, value, complaint):
    """With where it was given."""
    with pytest.raises(UsageError) as caught:
        thresholds(path, value)
    assert str(caught.value).startswith("here: thresholds: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)
