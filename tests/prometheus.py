"""A real Prometheus for a test: of its own directory, on a free port of loopback, ended with the block."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from tests.conftest import require_tool

PATIENCE_S = 20.0
"""How long it may take to be ready."""

PACKAGE = "prometheus"
LISTENING = re.compile(r'msg="Listening on" address=(\S+)')


class QueryError(Exception):
    """Prometheus refused a request, for the reason that this says."""


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str
    process: subprocess.Popen[bytes]

    def query(self, expression: str, at_s: float | None = None) -> list[dict[str, Any]]:
        """What an instant query returns, now or at a time of the epoch: series with `metric` and `value`."""
        when = {} if at_s is None else {"time": at_s}
        return self.get("/api/v1/query", query=expression, **when)["result"]

    def values(self, expression: str, *labels: str, at_s: float | None = None) -> dict[tuple[str, ...], float]:
        """The same as numbers, by the values of these labels."""
        found = self.query(expression, at_s)
        return {tuple(each["metric"].get(name, "") for name in labels): float(each["value"][1]) for each in found}

    def get(self, path: str, **parameters: object) -> Any:
        """The `data` of an answer of its API; raises QueryError."""
        try:
            return json.loads(_fetch(f"{self.url}{path}?{urlencode(parameters)}"))["data"]
        except HTTPError as error:
            raise QueryError(error.read().decode()) from None


def promtool(*arguments: str | Path, stdin: str | None = None, cwd: Path | None = None) -> str:
    """What promtool says; it must end well."""
    command = [require_tool("promtool", PACKAGE), *map(str, arguments)]
    done = subprocess.run(command, input=stdin, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def prometheus(
    directory: Path, configuration: Path | None = None, data: Path | None = None, options: Sequence[str] = ()
) -> Iterator[Prometheus]:
    """Prometheus with this configuration (none: it scrapes nothing) and this data (none: it begins with nothing)."""
    binary = require_tool("prometheus", PACKAGE)
    directory.mkdir(parents=True, exist_ok=True)
    if configuration is None:
        configuration = directory / "nothing.yml"
        configuration.write_text("{}\n")
    log = directory / "prometheus.log"
    command = [
        binary,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data or directory / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        *options,
    ]
    with log.open("wb") as told:
        process = subprocess.Popen(command, cwd=directory, stdout=told, stderr=told)
    try:
        yield Prometheus(_ready(process, log), process)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        finally:
            process.kill()


def _ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """Its URL, once it answers queries."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        if found := LISTENING.search(log.read_text()):
            url = f"http://{found[1]}"
            try:
                _fetch(f"{url}/-/ready")
                return url
            except OSError:
                pass  # it says 503 while it reads its data
        time.sleep(0.05)
    raise AssertionError(f"not ready after {PATIENCE_S:g} s: {log.read_text()[-2000:]}")


def _fetch(url: str) -> bytes:
    with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE_S) as response:
        return response.read()
