"""The run directory: what is refused, what survives a crash, and what resuming does."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from harness.errors import SwarmbenchError, UsageError
from harness.results import store
from harness.results.files import append_lines, read_lines, replace_file
from harness.results.run import read_run
from harness.results.schema import Beginning, Sample, Sources, Summary, Transfer
from harness.results.step import Step
from harness.scenarios import catalogue
from harness.scenarios.reading import read_scenario

SCENARIO = replace(read_scenario(catalogue.find("flash-crowd")), peers=(2,))


def transfer(host, contender="http"):
    return Transfer(contender, 2, 0, host, 0.0, 0.0, 0.1, 1.0, 100, True, None, Sources(origin=100), 0)


def sample(contender="http"):
    return Sample(contender, 2, 0, 1.0, "server", 0.5, 1000)


def summary(complete):
    return Summary(1, "flash-crowd", "Flash crowd", "loopback", complete, [])


def finished_step(path, contender="http"):
    store.RunDirectory(path).append_step([transfer("a", contender), transfer("b", contender)], [sample(contender)])


def test_a_new_run_directory_holds_its_scenario(tmp_path):
    """From the first moment it is a run that can be read, with nothing measured."""
    path = store.create(tmp_path / "deep" / "run", SCENARIO).path
    run = read_run(path)
    assert run.scenario == SCENARIO
    assert run.transfers == [] and run.summary is None


def test_an_empty_directory_is_taken(tmp_path):
    """People make directories beforehand."""
    assert store.create(tmp_path, SCENARIO).path == tmp_path


@pytest.mark.parametrize(
    ("complete", "message"),
    [(True, "holds a finished run; choose another --out"), (False, "unfinished run; .* --resume")],
)
def test_a_directory_with_a_run_is_refused(tmp_path, complete, message):
    """Nothing measured is ever overwritten; the message says what to do instead."""
    directory = store.create(tmp_path, SCENARIO)
    finished_step(tmp_path)
    directory.write_summary(summary(complete))
    with pytest.raises(UsageError, match=message):
        store.create(tmp_path, SCENARIO)


def test_a_run_that_measured_nothing_makes_way(tmp_path):
    """A start that failed at once must not force anyone to another directory."""
    store.create(tmp_path, SCENARIO)
    append_lines(tmp_path / "transfers.jsonl", [transfer("a")])
    other = replace(SCENARIO, seed=2)
    store.create(tmp_path, other)
    run = read_run(tmp_path)
    assert run.scenario == other and run.transfers == []


def test_somebody_elses_directory_is_refused(tmp_path):
    """A mistyped --out must not mix a run into other files."""
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="not empty and not a run directory"):
        store.create(tmp_path, SCENARIO)


def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path):
    """With a line, not a traceback."""
    (tmp_path / "run").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        store.create(tmp_path / "run", SCENARIO)


def test_two_writers_do_not_meet(tmp_path):
    """The second is told that there is a first."""
    with store.create(tmp_path, SCENARIO), pytest.raises(UsageError, match="another swarmbench"):
        store.reopen(tmp_path, SCENARIO).__enter__()


def test_a_finished_step_is_read_back(tmp_path):
    """As the same records."""
    store.create(tmp_path, SCENARIO)
    finished_step(tmp_path)
    run = read_run(tmp_path)
    assert run.transfers == [transfer("a"), transfer("b")]
    assert run.samples == [sample()]
    assert run.finished == {Step("http", 2, 0)}


def test_a_torn_last_line_is_ignored_and_repaired_on_resume(tmp_path):
    """Steps before it stay; the step it belongs to is as if it had not been played."""
    store.create(tmp_path, SCENARIO)
    finished_step(tmp_path)
    intact = (tmp_path / "transfers.jsonl").read_bytes()
    append_lines(tmp_path / "samples.jsonl", [sample("swarm")])
    append_lines(tmp_path / "transfers.jsonl", [transfer("a", "swarm")])
    with (tmp_path / "transfers.jsonl").open("ab") as file:
        file.write(b'{"contender":"swarm","pee')
    assert read_run(tmp_path).finished == {Step("http", 2, 0)}
    run = store.reopen(tmp_path, SCENARIO).recover()
    assert run.finished == {Step("http", 2, 0)}
    assert (tmp_path / "transfers.jsonl").read_bytes() == intact
    assert read_lines(tmp_path / "samples.jsonl", Sample) == [sample()]


def test_a_steps_beginning_counts_once_the_step_is_kept(tmp_path):
    """One that was cut short begins anew when the run goes on."""
    directory = store.create(tmp_path, SCENARIO)
    directory.append_beginning(Step("http", 2, 0), 1000.0)
    finished_step(tmp_path)
    directory.append_beginning(Step("swarm", 2, 0), 1010.0)
    [beginning] = store.reopen(tmp_path, SCENARIO).recover().beginnings
    assert beginning == Beginning("http", 2, 0, 1000.0)
    assert read_lines(tmp_path / "steps.jsonl", Beginning) == [beginning]


def test_a_damaged_line_in_the_middle_is_named(tmp_path):
    """That is no crash but a mishap that a person must know of."""
    store.create(tmp_path, SCENARIO)
    finished_step(tmp_path)
    file = tmp_path / "transfers.jsonl"
    file.write_bytes(b"nonsense\n" + file.read_bytes())
    with pytest.raises(SwarmbenchError, match=r"transfers\.jsonl: line 1 is not a transfer"):
        read_run(tmp_path)


def test_resuming_needs_the_same_scenario(tmp_path):
    """The message says what differs."""
    store.create(tmp_path, SCENARIO)
    with pytest.raises(UsageError, match=r"another scenario \(there seed = 1, now seed = 2\)"):
        store.reopen(tmp_path, replace(SCENARIO, seed=2))


def test_resuming_needs_a_run(tmp_path):
    """A directory that holds none is named."""
    with pytest.raises(UsageError, match="not a run directory"):
        store.reopen(tmp_path, SCENARIO)


def test_replacing_a_file_leaves_no_draft(tmp_path):
    """And the new content whole."""
    replace_file(tmp_path / "summary.json", b"old")
    replace_file(tmp_path / "summary.json", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("summary.json", b"new")]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from harness.errors import SwarmbenchError
from harness.results.files import append_lines
from harness.results.schema import Sample
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
file = Path(sys.argv[1])
samples = [Sample("http", 2, 0, 1.0, "server", 0.5, 1000)] * 10
append_lines(file, samples)
resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + 100,) * 2)
try:
    append_lines(file, samples)
except SwarmbenchError as error:
    print(error)
"""


def test_a_write_that_does_not_fit_is_undone(tmp_path):
    """As on a full disk (here: a limit on the file's size): one line says so, and what was there before stays whole."""
    file = tmp_path / "samples.jsonl"
    told = subprocess.run([sys.executable, "-c", FULL_DISK, str(file)], capture_output=True, text=True, check=True)
    assert "cannot be written" in told.stdout and "--resume" in told.stdout
    assert len(told.stdout.splitlines()) == 1
    assert file.read_bytes().endswith(b"}\n")
    assert len(read_lines(file, Sample)) == 10


def test_default_paths_do_not_collide(tmp_path, monkeypatch):
    """Two runs in one second get two directories; `latest` points at the younger."""
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        directory = store.create(store.default_path(SCENARIO), SCENARIO)
        store.point_latest_at(directory.path)
    assert len([path for path in (tmp_path / "results").iterdir() if not path.is_symlink()]) == 2
    assert store.latest_path() == directory.path


def test_without_a_latest_run_there_is_nothing_to_resume(tmp_path, monkeypatch):
    """The message asks for --out."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no run to resume; name its directory with --out"):
        store.latest_path()
