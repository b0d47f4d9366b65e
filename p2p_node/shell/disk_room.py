"""Waiting for room on a full disk: one line for a person, then tries that are further apart the longer it lasts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

from p2p_node.shell.errors import DiskFull

log = logging.getLogger("p2p_node")
T = TypeVar("T")

SOONEST_S = 1.0
LATEST_S = 30.0
"""Somebody who made room should not wait longer than they would watch for it."""


class DiskRoom:
    """Since when the disk has been full, if it is."""

    def __init__(self) -> None:
        self._full_since: float | None = None

    def missing(self, error: DiskFull, now: float) -> float:
        """There was no room; returns in how many seconds to try again."""
        if self._full_since is None:
            self._full_since = now
            log.warning("%s; make room, what is there is kept and the download goes on by itself", error)
        return min(max((now - self._full_since) / 2, SOONEST_S), LATEST_S)

    def found(self) -> None:
        """Something was written."""
        if self._full_since is not None:
            self._full_since = None
            log.warning("there is room again, the download goes on")


async def when_there_is_room(attempt: Callable[[], T]) -> T:
    """What `attempt` returns, tried again for as long as it raises DiskFull."""
    room, loop = DiskRoom(), asyncio.get_running_loop()
    while True:
        try:
            result = attempt()
        except DiskFull as error:
            await asyncio.sleep(room.missing(error, loop.time()))
        else:
            room.found()
            return result
