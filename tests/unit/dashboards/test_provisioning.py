"""What Grafana and containers are given. No Grafana can be had on the build machines: files are checked as far as their
own formats go."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from dashboards.build import DIRECTORY, PAGES

ROOT = DIRECTORY.parent
COMPOSE = ROOT / "compose.yaml"


def read(path: Path) -> dict:
    return YAML(typ="safe").load(path)


def test_compose_is_what_the_compose_specification_says():
    """By the specification's own schema, which check-jsonschema brings along (Apache-2.0)."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_images_are_of_one_version(name):
    """So that what was tried is what one gets."""
    assert re.search(r":v?\d+\.\d+\.\d+$", read(COMPOSE)["services"][name]["image"])


def test_containers_are_seen_on_loopback_alone():
    """They use the host's network to reach the runs on it, and listen on no other address."""
    services = read(COMPOSE)["services"]
    assert {service["network_mode"] for service in services.values()} == {"host"}
    assert not any("ports" in service for service in services.values())
    (listen,) = (each for each in services["prometheus"]["command"] if "listen" in each)
    assert listen.startswith("--web.listen-address=127.0.0.1:")
    assert services["grafana"]["environment"]["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"


def test_who_is_not_logged_in_may_look_and_no_password_is_written_down():
    """The administrator's is taken from the environment of who starts the containers."""
    environment = read(COMPOSE)["services"]["grafana"]["environment"]
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert environment["GF_SECURITY_ADMIN_PASSWORD"] is None


def test_everything_that_is_mounted_is_there():
    """Of the files beside it; and what can be written is a volume of its own."""
    definition = read(COMPOSE)
    for service in definition["services"].values():
        for source, _, *mode in (volume.split(":") for volume in service["volumes"]):
            if source.startswith("."):
                assert (ROOT / source).is_dir() and mode == ["ro"]
            else:
                assert source in definition["volumes"]


def test_provisioning_asks_for_no_more_than_containers_give():
    """Two variables, which whoever starts Grafana without containers sets, too."""
    asked = {name for path in ROOT.glob("provisioning/*/*.yaml") for name in re.findall(r": \$(\w+)", path.read_text())}
    assert asked == {"SWARMBENCH_PROMETHEUS_URL", "SWARMBENCH_DASHBOARDS"}
    assert asked < set(read(COMPOSE)["services"]["grafana"]["environment"])


def test_grafana_is_given_one_datasource_and_the_dashboards():
    """Prometheus, asked as often as runs are scraped; nothing is changed by hand."""
    (source,) = read(ROOT / "provisioning" / "datasources" / "prometheus.yaml")["datasources"]
    scraped = read(ROOT / "prometheus" / "prometheus.yml")["global"]["scrape_interval"]
    assert (source["type"], source["isDefault"], source["jsonData"]["timeInterval"]) == ("prometheus", True, scraped)
    (provider,) = read(ROOT / "provisioning" / "dashboards" / "swarmbench.yaml")["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)


def test_the_front_page_is_what_one_sees_first():
    """The comparison."""
    home = read(COMPOSE)["services"]["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert Path(home).name == f"{PAGES[0].name}.json"
