"""`swarmbench dashboards push`, against a recording HTTP server: see `tests/grafana_server.py` for why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from grafana_server import TOKEN, StandIn, grafana

from harness.cli import perform

FAILED, USAGE = 1, 2


@pytest.fixture
def server() -> Iterator[StandIn]:
    with grafana() as stand_in:
        yield stand_in


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two dashboards, and the token where it belongs."""
    monkeypatch.setenv("GRAFANA_TOKEN", TOKEN)
    (tmp_path / "grafana").mkdir()
    for name in ("comparison", "swarm"):
        model = {"uid": f"uid-{name}", "title": name.title(), "version": 1, "panels": [{"id": 1}]}
        (tmp_path / "grafana" / f"{name}.json").write_text(json.dumps(model))
    return tmp_path


def push(server: StandIn, source: Path, *options: str) -> int:
    return perform(["dashboards", "push", "--url", server.url, "--from", str(source), *options])


def test_folder_and_dashboards_are_put_there(server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one folder, numbered by Grafana; each request has the token, which nobody else is shown."""
    assert push(server, source) == 0
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        "datasource prometheus: there",
        "folder swarmbench: created",
        "dashboard Comparison: created",
        "dashboard Swarm: created",
    ]
    assert TOKEN not in told.out + told.err
    assert {request.authorization for request in server.requests} == {f"Bearer {TOKEN}"}
    assert [request.body for request in server.requests if request.path == "/api/folders"][1:] == [
        {"title": "swarmbench"}
    ]
    first, _ = [request.body for request in server.requests if request.path == "/api/dashboards/db"]
    assert first == {
        "dashboard": {"id": None, "uid": "uid-comparison", "title": "Comparison", "panels": [{"id": 1}]},
        "folderUid": "made-here",
        "message": "swarmbench dashboards push",
        "overwrite": False,
    }


def test_a_second_push_changes_nothing(server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It only looks."""
    push(server, source)
    posted = len(server.asked("POST"))
    capsys.readouterr()
    assert push(server, source) == 0
    assert capsys.readouterr().out.count("unchanged") == 2
    assert len(server.asked("POST")) == posted


def test_what_differs_is_updated_or_moved(server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On top of the version that was looked at."""
    push(server, source)
    model, folder = server.dashboards["uid-swarm"]
    server.dashboards["uid-swarm"] = {**model, "title": "Mine", "version": 4}, folder
    server.dashboards["uid-comparison"] = server.dashboards["uid-comparison"][0], "elsewhere"
    capsys.readouterr()
    assert push(server, source) == 0
    told = capsys.readouterr().out
    assert "dashboard Comparison: moved into the folder" in told
    assert "dashboard Swarm: updated (from version 4)" in told
    assert server.dashboards["uid-swarm"][0]["title"] == "Swarm" and server.dashboards["uid-swarm"][0]["version"] == 5
    assert server.dashboards["uid-comparison"][1] == "made-here"


def test_a_dry_run_only_looks(server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And tells what would be done."""
    assert push(server, source, "--dry-run", "--folder", "Teams") == 0
    told = capsys.readouterr().out
    assert "folder Teams: would be created" in told and "dashboard Swarm: would be created" in told
    assert server.asked("POST") == []


def test_without_a_prometheus_datasource_nothing_is_put_there(
    server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Dashboards would have nothing to show."""
    server.datasources = ["loki"]
    assert push(server, source) == FAILED
    assert "has no datasource of the type prometheus; add one" in capsys.readouterr().err
    assert server.asked("POST") == []


def test_a_token_that_may_not_list_datasources_may_still_push(
    server: StandIn, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """That takes an administrator's, dashboards an editor's."""
    server.failures["GET", "/api/datasources"] = 403, '{"message": "no"}'
    assert push(server, source) == 0
    assert "datasource prometheus: not checked" in capsys.readouterr().out
    assert len(server.dashboards) == 2


@pytest.mark.parametrize(
    ("request_of", "status", "message"),
    [
        (("GET", "/api/datasources"), 401, "does not accept the token (401)"),
        (("GET", "/api/folders"), 404, "is that the URL of a Grafana"),
        (("POST", "/api/dashboards"), 412, "dashboard Comparison: somebody else has changed it meanwhile"),
        (("POST", "/api/folders"), 500, "folder swarmbench: it failed itself; see its log (500: no)"),
    ],
)
def test_refusals_are_one_line_and_exit_code_1(
    server: StandIn,
    source: Path,
    capsys: pytest.CaptureFixture[str],
    request_of: tuple[str, str],
    status: int,
    message: str,
) -> None:
    """And nothing is said to be done which was not."""
    server.failures[request_of] = status, '{"message": "no"}'
    assert push(server, source) == FAILED
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1 and message in told.err and TOKEN not in told.err
    assert "dashboard" not in told.out


def test_bad_usage_is_exit_code_2(
    server: StandIn, source: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anybody is asked anything."""
    (source / "broken" / "grafana").mkdir(parents=True)
    (source / "broken" / "grafana" / "x.json").write_text('{"title": "no uid"}')
    for options, message in [
        (["--url", "grafana.example.org"], "--url: 'grafana.example.org' is not a URL"),
        (["--url", server.url, "--token-env", "NOBODYS"], "NOBODYS is not set"),
        (["--url", server.url, "--folder", " "], "--folder: give it a name"),
        (["--url", server.url, "--from", str(source / "nowhere")], "holds no dashboards"),
        (["--url", server.url, "--from", str(source / "broken")], "x.json: is not a dashboard"),
        ([], "Missing option '--url'"),
    ]:
        assert perform(["dashboards", "push", *options]) == USAGE
        told = capsys.readouterr().err
        assert len(told.splitlines()) == 1 and message in told
    monkeypatch.delenv("GRAFANA_TOKEN")
    assert push(server, source) == USAGE
    assert "no token; make a service account's token in Grafana" in capsys.readouterr().err
    assert server.requests == []
