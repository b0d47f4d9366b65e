"""A finished run in blocks that Prometheus can be started on, made by its own `promtool`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.errors import SwarmbenchError, UsageError
from harness.metrics.export import Recording

INSTALL = "apt-get install prometheus"

RETENTION = "10y"
"""Prometheus drops blocks that are older than this; its own default of 15 days would drop a run that is kept."""


def backfill(recording: Recording, into: Path) -> None:
    """Fill a directory that is new or empty with a run; raises SwarmbenchError."""
    promtool = shutil.which("promtool")
    if promtool is None:
        raise SwarmbenchError(f"promtool, which comes with Prometheus, is not installed; install it with: {INSTALL}")
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise UsageError(f"{into}: is not an empty directory; choose another with --into")
    try:
        into.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=into, suffix=".om") as text:
            recording.write(text)
            text.flush()
            done = subprocess.run(
                [promtool, "tsdb", "create-blocks-from", "openmetrics", text.name, into],
                capture_output=True,
                text=True,
                check=False,
            )
    except OSError as error:
        raise SwarmbenchError(f"{into}: cannot be filled ({error.strerror}); choose another with --into") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise SwarmbenchError(f"{into}: promtool cannot make blocks there: {said[-1]}")


def starting(into: Path, port: int = 9090) -> list[str]:
    """The command that shows what is in such a directory, on an otherwise idle Prometheus."""
    return [
        "prometheus",
        "--config.file=/dev/null",
        f"--storage.tsdb.path={into}",
        f"--storage.tsdb.retention.time={RETENTION}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
