"""Grafana's API by way of grafana-api, against a recording HTTP server: see `tests/grafana_server.py` for why."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from grafana_server import TOKEN, StandIn, grafana

from harness.observing.access import Access
from harness.observing.grafana import Grafana, GrafanaError


@pytest.fixture
def server() -> Iterator[StandIn]:
    with grafana() as stand_in:
        yield stand_in


def client(stand_in: StandIn, timeout_s: float = 5.0) -> Grafana:
    return Grafana(Access(stand_in.url, TOKEN), timeout_s)


def test_an_annotation_is_a_stretch_of_time_with_tags(server: StandIn) -> None:
    """Of no dashboard in particular; the token goes into the header."""
    client(server).annotate("http, 4 peers, repeat 1", ["swarmbench", "run:x"], 1000, 3000)
    [request] = server.requests
    assert (request.method, request.path, request.authorization) == ("POST", "/api/annotations", f"Bearer {TOKEN}")
    assert request.body == {
        "dashboardId": None,
        "panelId": None,
        "time": 1000,
        "timeEnd": 3000,
        "tags": ["swarmbench", "run:x"],
        "text": "http, 4 peers, repeat 1",
    }


def test_a_grafana_below_a_path_is_asked_there() -> None:
    """As behind a company's proxy."""
    with grafana("/tools/grafana") as server:
        assert client(server).datasource_types() == ["loki", "prometheus"]
    assert server.asked("GET") == ["/tools/grafana/api/datasources"]


def test_name_and_password_do_as_well(server: StandIn) -> None:
    """The administrator's, of a Grafana that we have started."""
    Grafana(Access(server.url, ("admin", "secret"))).annotate("x", [], 1, 2)
    assert server.requests[0].authorization == "Basic YWRtaW46c2VjcmV0"


def test_a_dashboard_that_is_not_there_is_none(server: StandIn) -> None:
    """Its 404 is an answer, not a mistake."""
    assert client(server).dashboard("none") is None


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, '{"message": "Bad title"}', r"it refuses \(400: Bad title\)"),
        (401, '{"message": "Invalid API key"}', r"does not accept the token \(401\)"),
        (403, '{"message": "Permissions needed: x"}', r"may not do that \(403\); give .* the role Editor"),
        (404, '{"message": "Not found"}', r"no such thing \(404\); is that the URL of a Grafana"),
        (412, '{"message": "changed by someone else"}', r"changed it meanwhile.* \(412\)"),
        (500, '{"message": "database is locked"}', r"it failed itself; see its log \(500: database is locked\)"),
        (502, "<html>Bad gateway</html>", r"it failed itself; see its log \(502\)"),
        (502, "<html>a message of the proxy</html>", "its answer is not Grafana's"),
        (200, "<html>Please log in</html>", "its answer is not Grafana's; is that its URL"),
        (200, "[1]", "its answer is not Grafana's"),
        (302, "http://127.0.0.1:1/login", "it sends us elsewhere; give the URL where one ends up"),
    ],
)
def test_what_goes_wrong_is_one_line(server: StandIn, status: int, body: str, message: str) -> None:
    """What, where, what to do; never the token."""
    server.failures["GET", "/api/folders"] = status, body
    with pytest.raises(GrafanaError, match=message) as caught:
        client(server).folder("swarmbench")
    told = str(caught.value)
    assert told.startswith(f"{server.url}: folders: ") and "\n" not in told and TOKEN not in told


def test_a_server_that_does_not_answer_is_given_up(server: StandIn) -> None:
    """After a time that the line names."""
    server.silent.set()
    with pytest.raises(GrafanaError, match=r"no answer within 0\.2 s"):
        client(server, timeout_s=0.2).folder("swarmbench")


def test_a_port_where_nobody_listens_is_said() -> None:
    """As the operating system puts it."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{trial.getsockname()[1]}"
    with pytest.raises(GrafanaError, match=rf"{url}: folders: cannot be reached \(Connection refused\); is it up"):
        Grafana(Access(url, TOKEN)).folder("swarmbench")
