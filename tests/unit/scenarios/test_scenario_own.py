"""Contenders that a person brings along, as they are read and written."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.scenarios import catalogue
from harness.scenarios.own import filled
from harness.scenarios.reading import read_contenders, read_scenario
from harness.scenarios.writing import write_scenario

SERVE = 'serve = "srv {address} {port} {file}"'
FETCH = 'fetch = "get {url} -o {out}"'
MINE = f"[contender.mine]\n{SERVE}\n{FETCH}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def test_commands_are_read_and_kept_with_the_scenario(file: Path, tmp_path: Path) -> None:
    """What a run directory keeps reads as the same scenario, so that resume and report need no other file."""
    file.write_text(MINE + 'port = 9000\ninstall = "apt-get install \\"mine\\""\n')
    scenario = read_scenario(catalogue.find("flash-crowd"), read_contenders(file))
    [mine] = scenario.own
    assert (mine.name, mine.port, mine.url) == ("mine", 9000, "http://{server}:{port}/{name}")
    kept = tmp_path / "scenario.toml"
    kept.write_text(write_scenario(scenario))
    assert read_scenario(kept) == scenario


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"[contender.mine]\n{SERVE}\n", "a table with serve and fetch"),
        (f"{MINE}speed = 1\n", "a table with serve and fetch"),
        (f'[contender.mine]\n{SERVE}\nfetch = "get {{url}}"\n', r"without {out}"),
        (f'[contender.mine]\n{FETCH}\nserve = "srv {{adress}}"\n', r"unknown {adress}; known: {address}"),
        (f'[contender.mine]\n{FETCH}\nserve = "srv {{file.__class__}}"\n', r"unknown {file.__class__}"),
        (f'[contender.mine]\n{FETCH}\nserve = "srv \'x"\n', "No closing quotation"),
        (f'[contender.mine]\n{FETCH}\nserve = ""\n', "is empty"),
        (f"{MINE}port = 0\n", "not a whole number from 1 to 65535"),
        (f"{MINE}install = 3\n", "3 is not a text"),
        (f"[contender.'A b']\n{SERVE}\n{FETCH}\n", "is not a name"),
        ("[contender]\nmine = 1\n", "a table with serve and fetch"),
        ("peers = [1]\n", "must hold tables"),
        ("", "must hold tables"),
        ("[contender", "not valid TOML"),
    ],
)
def test_a_mistake_is_one_line_with_file_and_key(file: Path, text: str, told: str) -> None:
    """Whatever it is; never a traceback, and never at the moment the command is to run."""
    file.write_text(text)
    with pytest.raises(UsageError, match=told) as caught:
        read_scenario(catalogue.find("flash-crowd"), read_contenders(file))
    assert str(file) in str(caught.value)


def test_a_value_with_a_blank_stays_one_word() -> None:
    """Words are split before names are filled in, and doubled braces are braces."""
    assert filled("get '{{x}}' {out}", {"out": "/a b/c"}) == ["get", "{x}", "/a b/c"]


def test_they_have_no_place_among_lookups(file: Path) -> None:
    """Nobody is asked for anything there; the line says where they belong."""
    file.write_text(MINE)
    with pytest.raises(UsageError, match="contender: has a meaning only in a scenario of downloads"):
        read_scenario(catalogue.find("lookup"), read_contenders(file))
