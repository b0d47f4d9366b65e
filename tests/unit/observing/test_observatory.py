"""The directory in which who watches and who is watched meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from dashboard_sources import dashboard_source

from harness.errors import SwarmbenchError, UsageError
from harness.observing.observatory import Observatory, observatory
from harness.observing.ways import grafana_home


def test_furnishing_again_leaves_data_and_targets_alone(tmp_path: Path) -> None:
    """Dashboards that are no longer there go, as do the targets of dead runs; what lives stays in sight."""
    place, source = Observatory(tmp_path / "place"), dashboard_source(tmp_path / "dashboards")
    (source / "grafana" / "old.json").write_text("{}")
    place.furnish(source)
    for name in ("mine.json", "run-999999999-1.json"):
        (place.targets / name).write_text("[]")
    (place.series / "block").write_text("")
    (source / "grafana" / "old.json").unlink()
    place.furnish(source)
    assert [path.name for path in (place.configuration / "grafana").iterdir()] == ["comparison.json"]
    assert [path.name for path in place.targets.iterdir()] == ["mine.json"]
    assert (place.series / "block").exists()
    assert place.front_page() == "the-front-page"


def test_a_directory_without_dashboards_is_bad_usage(tmp_path: Path) -> None:
    """It says what is not there."""
    with pytest.raises(UsageError, match=r"has no grafana and no provisioning .*--from"):
        Observatory(tmp_path / "place").furnish(tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """With the variable that names another."""
    (tmp_path / "file").write_text("")
    place = Observatory(tmp_path / "file" / "place")
    with (
        pytest.raises(SwarmbenchError, match=r"cannot be written \(Not a directory\); .* XDG_STATE_HOME"),
        place.held(),
    ):
        pass
    with pytest.raises(SwarmbenchError, match="cannot be written"):
        place.furnish(dashboard_source(tmp_path / "dashboards"))


def test_only_who_lives_watches(tmp_path: Path) -> None:
    """What a killed one has left there is not believed."""
    place = Observatory(tmp_path)
    with place.announced("http://127.0.0.1:9090", None):
        watch = place.watch()
        assert watch is not None and watch.prometheus == "http://127.0.0.1:9090"
        state = (tmp_path / "running.json").read_text()
    assert place.watch() is None
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    (tmp_path / "running.json").write_text(state.replace(str(watch.pid), str(dead.pid)))
    assert place.watch() is None


def test_the_password_stays_the_same(tmp_path: Path) -> None:
    """Grafana takes it at its first start alone."""
    first = Observatory(tmp_path).password()
    assert len(first) > 20
    assert Observatory(tmp_path).password() == first


def test_it_lies_in_the_users_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As the XDG base directories have it."""
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert observatory().root == tmp_path / ".local" / "state" / "swarmbench" / "observatory"
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert observatory().root == tmp_path / "state" / "swarmbench" / "observatory"


def test_grafana_finds_its_own_files_beside_its_program(tmp_path: Path) -> None:
    """Also by a link on PATH, as one makes it for what was unpacked somewhere."""
    (tmp_path / "grafana" / "bin").mkdir(parents=True)
    (tmp_path / "grafana" / "conf").mkdir()
    (tmp_path / "grafana" / "conf" / "defaults.ini").write_text("")
    program = tmp_path / "grafana" / "bin" / "grafana"
    program.write_text("")
    (tmp_path / "link").symlink_to(program)
    assert grafana_home(str(tmp_path / "link")) == tmp_path / "grafana"
