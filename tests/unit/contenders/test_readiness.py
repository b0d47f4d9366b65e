"""Waiting for processes, with real ones from the loopback lab."""

from __future__ import annotations

import asyncio
import sys

import pytest

from harness.contenders.readiness import until_done, until_says
from harness.errors import SwarmbenchError
from harness.labs.loopback import LoopbackLab


def run_python(tmp_path, code, wait):
    async def go():
        async with LoopbackLab() as lab:
            log = tmp_path / "log"
            await wait(await lab.start([sys.executable, "-c", code], log=log), log)

    asyncio.run(go())


def test_a_process_is_ready_when_it_says_so(tmp_path):
    """Whatever it said before."""
    code = "import time; print('hello'); print('listening on x', flush=True); time.sleep(60)"
    run_python(tmp_path, code, lambda process, log: until_says("the server", process, log, "listening on"))


def test_a_process_that_ends_instead_leaves_its_last_words(tmp_path):
    """In one line with its exit code."""
    with pytest.raises(SwarmbenchError, match="the server ended with exit code 3; its last words: port 80 is taken"):
        run_python(
            tmp_path,
            "import sys; print('starting'); sys.exit(print('port 80 is taken') or 3)",
            lambda process, log: until_says("the server", process, log, "listening on"),
        )


def test_work_that_fails_is_an_error(tmp_path):
    """With the exit code."""
    with pytest.raises(SwarmbenchError, match="the work ended with exit code 1; it said nothing"):
        run_python(tmp_path, "raise SystemExit(1)", lambda process, log: until_done("the work", process, log))
