"""Servers: Prometheus and Grafana as processes of ours or in containers, on loopback alone."""

from __future__ import annotations

import shutil
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPResponse

from harness.errors import SwarmbenchError
from harness.observing.observatory import COMPOSE, FRONT_PAGE, Observatory
from harness.observing.ways import grafana_home

ADDRESS = "127.0.0.1"

RETENTION = "1y"
"""So that runs of different weeks can be put side by side; one costs kilobytes."""

ANSWER_S = 2.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where a person finds it, and the URL that answers once it is ready."""

    name: str
    url: str
    health: str


@dataclass(frozen=True, slots=True)
class Program:
    """A command that runs for as long as its servers are wanted."""

    name: str
    servers: Sequence[Server]
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def prometheus(command: str, place: Observatory, port: int) -> Program:
    """Prometheus with the observatory's configuration and series."""
    arguments = [
        f"--config.file={place.configuration / 'prometheus' / 'prometheus.yml'}",
        f"--storage.tsdb.path={place.series}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address={ADDRESS}:{port}",
        "--log.level=warn",
    ]
    return Program("prometheus", [_prometheus(port)], [command, *arguments])


def grafana(command: Sequence[str], place: Observatory, port: int, prometheus_port: int) -> Program:
    """Grafana with the observatory's provisioning: who is on this machine may look, and no password is a known one."""
    home, dashboards = grafana_home(command[0]), place.configuration / "grafana"
    environment = {
        "GF_SERVER_HTTP_ADDR": ADDRESS,
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_PATHS_DATA": str(place.grafana),
        "GF_PATHS_LOGS": str(place.grafana / "log"),
        "GF_PATHS_PLUGINS": str(place.grafana / "plugins"),
        "GF_PATHS_PROVISIONING": str(place.configuration / "provisioning"),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_SECURITY_ADMIN_PASSWORD": place.password(),
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(dashboards / FRONT_PAGE),
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        # The provisioning asks for these two, which differ in containers.
        "SWARMBENCH_PROMETHEUS_URL": _prometheus(prometheus_port).url,
        "SWARMBENCH_DASHBOARDS": str(dashboards),
    }
    arguments = [f"--homepath={home}"] if home else []
    return Program("grafana", [_grafana(port)], [*command, *arguments], environment)


def containers(docker: str, place: Observatory, prometheus_port: int, grafana_port: int) -> Program:
    """Both in containers, as the observatory's copy of `compose.yaml` has them."""
    environment = {
        "SWARMBENCH_PROMETHEUS_PORT": str(prometheus_port),
        "SWARMBENCH_GRAFANA_PORT": str(grafana_port),
        "GF_SECURITY_ADMIN_PASSWORD": place.password(),
    }
    servers = [_prometheus(prometheus_port), _grafana(grafana_port)]
    return Program("containers", servers, [*_compose(docker, place), "up"], environment)


def removal(docker: str, place: Observatory) -> list[str]:
    """The command that removes the containers, and leaves their data."""
    return [*_compose(docker, place), "down"]


def tie() -> list[str]:
    """What stands before a server's command, so that it ends should we be killed."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "SIGTERM", "--"] if setpriv else []


def refuse_taken(port: int, option: str) -> None:
    """Raise SwarmbenchError if somebody else has the port."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((ADDRESS, port))
        except OSError as error:
            raise SwarmbenchError(
                f"observe: port {port} on {ADDRESS} cannot be used ({error.strerror}); choose another with {option}"
            ) from error


def answers(url: str) -> bool:
    """Whether a server says that it is well."""
    try:
        with opened(url, ANSWER_S) as response:
            return response.status == 200
    except (OSError, ValueError):
        return False


def opened(url: str, timeout_s: float) -> HTTPResponse:
    """A server's answer, to be read and closed; raises OSError, and ValueError where it is no HTTP.

    Not by the proxies of the environment, which know nothing of this machine's loopback.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    response: HTTPResponse = opener.open(url, timeout=timeout_s)
    return response


def _compose(docker: str, place: Observatory) -> list[str]:
    return [docker, "compose", "--project-name", "swarmbench", "--file", str(place.configuration / COMPOSE)]


def _prometheus(port: int) -> Server:
    return Server("Prometheus", f"http://{ADDRESS}:{port}", f"http://{ADDRESS}:{port}/-/ready")


def _grafana(port: int) -> Server:
    return Server("Grafana", f"http://{ADDRESS}:{port}", f"http://{ADDRESS}:{port}/api/health")
