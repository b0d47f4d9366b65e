"""The observatory: where a user's Prometheus and Grafana find their configuration and keep their data.

It is the same for who watches (`swarmbench observe`) and for who is watched (`swarmbench run`), so that they meet.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from harness.errors import SwarmbenchError, UsageError
from harness.observing.targets import sweep

SOURCE = Path(__file__).parents[2] / "dashboards"
"""Dashboards and configuration, as a checkout of the project has them."""

PARTS = ("grafana", "provisioning", "prometheus")
COMPOSE = "compose.yaml"
FRONT_PAGE = "comparison.json"

ADMINISTRATOR = "admin"


class Watch(msgspec.Struct, frozen=True):
    """What watches now: `running.json`, for as long as `swarmbench observe` lasts."""

    pid: int
    prometheus: str
    grafana: str | None


class _Page(msgspec.Struct, frozen=True):
    uid: str


@dataclass(frozen=True, slots=True)
class Observatory:
    """Its places; none of them need exist before `furnish`."""

    root: Path

    @property
    def configuration(self) -> Path:
        """A copy of `dashboards/`, in which relative paths lead where they do there."""
        return self.root / "dashboards"

    @property
    def targets(self) -> Path:
        """Where runs tell Prometheus of themselves."""
        return self.configuration / "prometheus" / "targets"

    @property
    def series(self) -> Path:
        """What Prometheus keeps."""
        return self.root / "prometheus"

    @property
    def grafana(self) -> Path:
        """What Grafana keeps."""
        return self.root / "grafana"

    def log(self, program: str) -> Path:
        """What a program says."""
        return self.root / f"{program}.log"

    @property
    def _state(self) -> Path:
        return self.root / "running.json"

    def furnish(self, source: Path) -> None:
        """Copy the configuration anew, and leave data and targets of whoever lives alone; raises SwarmbenchError."""
        missing = [name for name in (*PARTS, COMPOSE) if not (source / name).exists()]
        if missing:
            raise UsageError(
                f"{source}: has no {' and no '.join(missing)}; run this in a checkout of swarmbench, "
                "or name its directory dashboards with --from"
            )
        try:
            for name in PARTS:
                if name != "prometheus":  # which has the targets of runs that are under way
                    shutil.rmtree(self.configuration / name, ignore_errors=True)
                shutil.copytree(source / name, self.configuration / name, dirs_exist_ok=True)
            shutil.copyfile(source / COMPOSE, self.configuration / COMPOSE)
            for path in (self.targets, self.series, self.grafana):
                path.mkdir(parents=True, exist_ok=True)
            sweep(self.targets)
        except (OSError, shutil.Error) as error:
            raise _unwritable(self.root, error) from error

    def password(self) -> str:
        """That of our Grafana's administrator, made up at the first time; raises SwarmbenchError."""
        path = self.root / "grafana-password"
        try:
            if not path.exists():
                path.touch(0o600)
                path.write_text(secrets.token_urlsafe(), encoding="utf-8")
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise _unwritable(path, error) from error

    def front_page(self) -> str | None:
        """The uid of the dashboard to begin with, or None where there are no dashboards."""
        for directory in (self.configuration, SOURCE):
            try:
                uid = msgspec.json.decode((directory / "grafana" / FRONT_PAGE).read_bytes(), type=_Page).uid
            except (OSError, msgspec.DecodeError, UnicodeDecodeError):
                continue
            return uid
        return None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other watchers out meanwhile; raises SwarmbenchError."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            self._lock(lock)
            yield
        finally:
            os.close(lock)

    @contextmanager
    def announced(self, prometheus: str, grafana: str | None) -> Iterator[None]:
        """Let runs know meanwhile who watches; raises SwarmbenchError."""
        try:
            self._state.write_bytes(msgspec.json.encode(Watch(os.getpid(), prometheus, grafana)))
        except OSError as error:
            raise _unwritable(self._state, error) from error
        try:
            yield
        finally:
            with suppress(OSError):
                self._state.unlink()

    def watch(self) -> Watch | None:
        """Who watches now, or None."""
        try:
            watch = msgspec.json.decode(self._state.read_bytes(), type=Watch)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return watch if psutil.pid_exists(watch.pid) else None

    def _lock(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            there = self.watch()
            where = f" as process {there.pid}, at {there.grafana or there.prometheus}" if there else ""
            raise SwarmbenchError(f"{self.root}: swarmbench observe runs already{where}; end that first") from None


def observatory() -> Observatory:
    """This user's, among what is kept between sessions, as the XDG base directories have it."""
    state = os.environ.get("XDG_STATE_HOME")
    return Observatory((Path(state) if state else Path.home() / ".local" / "state") / "swarmbench" / "observatory")


def _unwritable(path: Path, error: Exception) -> SwarmbenchError:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    return SwarmbenchError(f"{path}: cannot be written ({reason}); name another place with XDG_STATE_HOME")
