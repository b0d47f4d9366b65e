"""What ends a command early – Ctrl-C, a terminal that closes, a service manager – as one cancellation of its work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; SIGINT, SIGTERM and SIGHUP cancel it once, so that it cleans up undisturbed."""

    async def guarded() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, lambda: None if task.cancelling() else task.cancel())
        return await work

    return asyncio.run(guarded())
