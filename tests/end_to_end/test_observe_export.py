"""A real run, scraped while it lasts, then loaded into a real Prometheus, which has to know what the summary says."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager

import pytest
from conftest import require_tool
from metric_texts import samples_of
from running import LARGE, QUICK, Swarmbench, content

from harness.ports import free_port

CONTENDERS, PEERS = ("http", "swarm"), 2
PATIENCE_S = 60.0


def fetched(url):
    """The body of an answer; None as long as nobody listens."""
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except OSError:
        return None


def until(ask):
    deadline = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


@pytest.fixture(scope="module")
def observed(tmp_path_factory):
    """A finished run, and what a scrape saw between its steps."""
    swarmbench, port = Swarmbench(tmp_path_factory.mktemp("observed")), free_port()

    def finished_first():
        text = fetched(f"http://127.0.0.1:{port}/metrics") or ""
        return text if "swarmbench_step_valid" in text else None

    wanted = (*content(LARGE), "--contenders", ",".join(CONTENDERS), "--peers", PEERS)
    arguments = (*QUICK, *wanted, "--no-report", "--out", swarmbench.out)
    with swarmbench.start(*arguments, "--metrics-port", port) as run:
        text = until(finished_first)
        _, told = run.communicate(timeout=PATIENCE_S)
        assert run.returncode == 0, told
    assert fetched(f"http://127.0.0.1:{port}/metrics") is None, "it ends with the run"
    return swarmbench, text


@pytest.fixture(scope="module")
def prometheus(observed):
    """Queries to a Prometheus that was started as `swarmbench backfill` says, but for the port."""
    require_tool("prometheus", "prometheus")
    swarmbench, _ = observed
    told = swarmbench("backfill", swarmbench.out)
    assert told.returncode == 0, told.stderr
    port = free_port()
    command = shlex.split(told.stdout.splitlines()[-1].replace("127.0.0.1:9090", f"127.0.0.1:{port}"))
    with running(command, swarmbench.directory):
        until(lambda: fetched(f"http://127.0.0.1:{port}/-/ready"))

        def query(expression):
            """By contender, at the run's end."""
            asked = urllib.parse.urlencode({"query": expression, "time": time.time() + 60})
            answer = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{asked}").read())
            assert answer["status"] == "success"
            return {each["metric"].get("contender"): float(each["value"][1]) for each in answer["data"]["result"]}

        yield query


@contextmanager
def running(command, directory):
    with (directory / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            code = process.wait(PATIENCE_S)
    assert code == 0, (directory / "prometheus.log").read_text()


def test_a_run_is_seen_while_it_lasts(observed):
    """What a finished step came to, what its roles used, and what its server told of itself inside the lab."""
    told = samples_of(observed[1])
    names = {name for name, _ in told}
    assert {"swarmbench_run_info", "swarmbench_step_playing", "swarmbench_role_cpu_seconds_total"} <= names
    finished = [dict(labels) for name, labels in told if name == "swarmbench_step_valid"]
    assert finished[0]["contender"] in CONTENDERS and finished[0]["peers"] == str(PEERS)
    sent = [
        value
        for (name, labels), value in told.items()
        if name == "swarmbench_role_uploaded_bytes_total" and ("role", "server") in labels
    ]
    assert max(sent) >= 2**20


def test_what_a_scrape_sees_passes_prometheus_own_lint(observed):
    """As promtool judges it."""
    promtool = require_tool("promtool", "prometheus")
    done = subprocess.run([promtool, "check", "metrics"], input=observed[1], text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("expression", "figure"),
    [
        (
            "sum by (contender) (last_over_time({}transferred_bytes_total[1h]))",
            lambda row: sum(row["sources"].values()),
        ),
        ("sum by (contender) (last_over_time({}transfers_total{{outcome='ok'}}[1h]))", lambda row: row["completed"]),
        ("last_over_time({}transfer_duration_seconds_count[1h])", lambda row: row["completed"]),
        ("last_over_time({}step_origin_bytes[1h])", lambda row: row["origin_bytes"]),
        ("last_over_time({}step_goodput_bytes_per_second[1h])", lambda row: row["goodput_bytes_per_s"]),
        ("last_over_time({}step_completion_seconds{{share='1'}}[1h])", lambda row: row["completion_s"]["last"]),
        ("last_over_time({}step_cpu_seconds_per_gib{{role='peers'}}[1h])", lambda row: row["cpu_s_per_gib"]["peers"]),
    ],
)
def test_prometheus_knows_what_the_summary_says(observed, prometheus, expression, figure):
    """Within 1 %."""
    rows = {row["contender"]: figure(row) for row in observed[0].rows()}
    assert set(rows) == set(CONTENDERS)
    assert prometheus(expression.format("swarmbench_")) == pytest.approx(rows, rel=0.01)


def test_counters_have_rates(prometheus):
    """They begin at 0 and grow while the step plays."""
    rates = prometheus("sum by (contender) (max_over_time(rate(swarmbench_transferred_bytes_total[5s])[1h:1s]))")
    assert set(rates) == set(CONTENDERS) and min(rates.values()) > 1000


def test_a_run_need_not_be_watched_to_be_exported(observed, tmp_path):
    """What is exported comes from the records alone."""
    swarmbench, _ = observed
    shutil.copytree(swarmbench.out, tmp_path / "out", ignore=shutil.ignore_patterns("logs", "prometheus"))
    texts = [swarmbench("export", path).stdout for path in (swarmbench.out, tmp_path / "out")]
    assert texts[0] == texts[1] and texts[0].endswith("\n# EOF\n")
