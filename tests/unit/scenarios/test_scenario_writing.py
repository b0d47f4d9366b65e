"""A scenario that is written reads as the same scenario."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from harness.scenarios import catalogue
from harness.scenarios.keys import MAX_CONTENT, MAX_RATE, MAX_TIME, MIN_RATE
from harness.scenarios.model import Arrival, Content, Demand, Link, Links, Scenario, Threshold
from harness.scenarios.reading import read_scenario
from harness.scenarios.writing import write_scenario

NAMES = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
RATES = st.floats(MIN_RATE, MAX_RATE) | st.integers(1, 10**5).map(lambda mbit: mbit * 1e6 / 8)
TIMES = st.floats(0.001, MAX_TIME) | st.integers(1, 3600).map(float)
LINKS = st.builds(Link, up=RATES, down=RATES)
THRESHOLDS = st.lists(
    st.builds(
        Threshold,
        contender=st.none(),
        metric=st.sampled_from(["goodput_bytes_per_s", "failed", "completion_s.p95", "cpu_s_per_gib.peers"]),
        comparison=st.sampled_from([">=", "<=", ">", "<"]),
        value=st.floats(0.001, 1e12),
    ),
    max_size=3,
    unique_by=lambda threshold: threshold.metric,
)
SCENARIOS = st.builds(
    Scenario,
    name=NAMES,
    title=TEXTS,
    description=TEXTS,
    content=st.builds(
        Content,
        size=st.integers(1, MAX_CONTENT),
        piece_size=st.just(0) | st.integers(14, 24).map(lambda power: 1 << power),
    ),
    links=st.builds(Links, server=LINKS, peer=LINKS, delay=st.just(0.0) | TIMES),
    demand=st.builds(Demand, arrival=st.sampled_from(Arrival), over=TIMES),
    contenders=st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple),
    peers=st.lists(st.integers(1, 10_000), min_size=1, max_size=5, unique=True).map(tuple),
    repeats=st.integers(1, 1000),
    seed=st.integers(0, 2**63 - 1),
    thresholds=THRESHOLDS.map(tuple),
)


@given(SCENARIOS)
def test_every_scenario_survives_the_round_trip(scenario):
    """Bit for bit, whatever its texts and numbers are."""
    with TemporaryDirectory() as directory:
        path = Path(directory) / "scenario.toml"
        path.write_text(write_scenario(scenario), encoding="utf-8", newline="")
        assert read_scenario(path) == scenario


def test_units_are_those_that_people_write():
    """A packaged scenario is written with the quantities of its source."""
    text = write_scenario(read_scenario(catalogue.find("flash-crowd")))
    for quantity in ('size = "16MiB"', 'piece_size = "auto"', 'up = "40mbit"', 'up = "8mbit", down = "32mbit"', '"0s"'):
        assert quantity in text
