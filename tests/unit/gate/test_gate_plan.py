"""Plans: what a gate may be asked to judge."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.gate.plan import DEFAULT, LEVEL, OWN, read_plan
from harness.labs.base import Availability
from harness.labs.namespace.lab import NamespaceLab
from harness.scenarios.reading import read_own

GOOD = """
pairs = 8
[[experiment]]
scenario = "speed"
contenders = ["http"]
peers = 1
gates = { goodput = "10%" }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return path


def test_the_packaged_plan_is_sound():
    """It gates both of our own contenders, and enough pairs to call a fall."""
    plan = read_plan(DEFAULT)
    assert {name for each in plan.experiments for name in each.contenders} == {"http", "swarm"}
    assert plan.pairs >= plan.fewest_pairs


def test_so_few_pairs_that_no_fall_could_be_called_are_refused(tmp_path):
    """Seven signs all alike have probability 1/128, which is below one in a hundred; six have not."""
    plan = read_plan(written(tmp_path, GOOD))
    assert plan.fewest_pairs == 7
    assert 0.5**7 < LEVEL < 0.5**6
    with pytest.raises(UsageError, match="use at least 7"):
        read_plan(written(tmp_path, GOOD), pairs=6)


@pytest.mark.parametrize(
    ("good", "bad", "complaint"),
    [
        ("goodput =", "godput =", "did you mean 'goodput'"),
        ('"10%"', '"10"', "is not a share"),
        ("peers = 1", "peers = 0", "peers"),
        ('"speed"', '"sped"', "sped"),
        ("peers = 1", "", "lacks peers"),
        ("pairs = 8", "pairs = 'many'", "not a whole number"),
        ('gates = { goodput = "10%" }', "", "gates nothing"),
        ("peers = 1", "peers = 1\nset = { 'content.sise' = '1MiB' }", "content.sise"),
        ("peers = 1", "peers = 1\nlimits = { waste = { most = '1%', growth = '2x', floor = '1%' } }", "waste"),
        ("peers = 1", "peers = 1\nlimits = { wasted = { most = '1%', growth = '2', floor = '1%' } }", "not a growth"),
        ("peers = 1", "peers = 1\nspeed = 3", "unknown key 'speed'"),
        ("[[experiment]]", "[[other]]", "names no experiment"),
        ("[[experiment]]", "[[experiment", "not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(tmp_path, good, bad, complaint):
    """With the file, and what would be right."""
    path = written(tmp_path, GOOD.replace(good, bad))
    with pytest.raises(UsageError) as caught:
        read_plan(path)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_shaped_links_need_namespaces(monkeypatch):
    """Without them contenders hold themselves to rates, which says little; one line tells before anything is built."""
    monkeypatch.setattr(NamespaceLab, "availability", lambda: Availability(False, "no unshare"))
    with pytest.raises(
        UsageError, match=r"efficiency: its links need the namespace lab, .*: no unshare; or name a --plan"
    ):
        read_plan(DEFAULT)


def test_own_contenders_take_the_place_of_the_plans(tmp_path):
    """And their experiments have the plan's figures."""
    file = tmp_path / "mine.toml"
    file.write_text('[contender.mine]\nserve = "true"\nfetch = "cp {url} {out}"\n')
    plan = read_plan(OWN, own=read_own(file))
    assert [(each.contenders, set(each.gates)) for each in plan.experiments] == [
        (("mine",), {"goodput", "gib_per_cpu_s"})
    ]


def test_a_plan_that_is_not_there_is_one_line(tmp_path):
    """Not a traceback."""
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / "none.toml")
