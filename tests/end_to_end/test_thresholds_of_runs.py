"""Thresholds of a real run: its exit code is what a pipeline goes by."""

from __future__ import annotations

from running import QUICK, Swarmbench

RUN = (*QUICK, "--contenders", "http", "--peers", "1")  # busy machines do not matter


def test_a_crossed_threshold_ends_a_whole_run_with_code_3(tmp_path) -> None:
    """The report is written all the same."""
    swarmbench = Swarmbench(tmp_path)
    told = swarmbench(*RUN, "--threshold", "completion_s.last<1ms", "--threshold", "failed<1", "--out", swarmbench.out)
    assert told.returncode == 3, told.stderr
    assert "crossed" in told.stdout and "reached" in told.stdout
    assert (swarmbench.out / "report.html").exists()


def test_a_file_with_an_unknown_metric_is_one_line_before_anything_runs(tmp_path) -> None:
    """Exit code 2, and no run directory."""
    swarmbench = Swarmbench(tmp_path)
    (tmp_path / "mine.toml").write_text(
        """
        title = "Mine"
        contenders = ["swarm"]
        peers = [1]
        content = { size = "1MiB" }
        links.server = { up = "8mbit", down = "8mbit" }
        links.peer = { up = "1mbit", down = "4mbit" }
        thresholds = { efficiencies = ">=0.9" }
        """
    )
    told = swarmbench("run", "mine.toml", "--out", swarmbench.out)
    assert (told.returncode, told.stderr.count("\n")) == (2, 1)
    assert "unknown metric 'efficiencies'; did you mean 'efficiency'?" in told.stderr
    assert not swarmbench.out.exists()
