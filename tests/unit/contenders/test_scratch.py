"""Room for a run's files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.contenders.scratch import JUST_MADE_S, scratch
from harness.errors import SwarmbenchError

LONG_RUN = """
import time
from harness.contenders.scratch import scratch
with scratch(1) as room:
    print(room.payload, flush=True)
    time.sleep(60)
"""


def test_everything_is_gone_afterwards():
    """Also when the run fails."""
    with pytest.raises(RuntimeError), scratch(1000) as room:
        (room.payload / "item").write_bytes(b"x")
        assert len(str(room.sockets / "fleet-999" / "fleet-999.sock")) < 108
        raise RuntimeError
    assert not room.payload.exists() and not room.sockets.exists()


def test_too_little_room_is_said_beforehand():
    """How much is needed, how much there is, and what to do."""
    with pytest.raises(SwarmbenchError, match=r"not enough room .* needed, .* has .*; point TMPDIR"), scratch(2**60):
        pass


def test_what_a_killed_run_left_is_removed_by_the_next():
    """Its directories are unlocked; those of a living run are not."""
    with subprocess.Popen([sys.executable, "-c", LONG_RUN], stdout=subprocess.PIPE, text=True) as run:
        left = Path(run.stdout.readline().strip())
        long_ago = time.time() - 2 * JUST_MADE_S
        os.utime(left, (long_ago, long_ago))
        with scratch(1):
            assert left.is_dir()
        run.kill()
    with scratch(1):
        assert not left.is_dir()
