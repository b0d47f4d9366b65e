"""What all clients that are programs of their own share, whatever is spoken with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.hosting.swarming import Account
from harness.contenders.process_fleet.program import Program, Rates
from harness.contenders.process_fleet.received import Received

END_S = 1.0
"""How long a program that answers no more may take to be known to have ended."""


class ProgramClient:
    """A peer's program and the account of its download; who starts it and follows the download derives from this."""

    def __init__(self, address: str, port: int, directory: Path, rates: Rates, received: Received) -> None:
        self.account = Account()
        self.port = port
        self._address = address
        self._directory = directory
        self._rates = rates
        self._received = received
        self._origin: str | None = None
        self._program: Program | None = None
        self._following: list[asyncio.Task[None]] = []

    def look(self) -> None:
        """Take the kernel's count of what came from the origin, which these programs do not tell.

        A program that is complete hangs up on seeds at once, and what a connection brought since the last reading is
        lost with it: of a complete download the origin is given its share of all that was seen.
        """
        if self._origin is None:
            return
        account = self.account
        seen = self._received.between(self._address, self._origin, fresh=account.ended)
        everywhere = self._received.seen_by(self._address)
        complete = account.completed_at is not None and 0 < everywhere < account.size
        account.from_origin = account.size * seen // everywhere if complete else seen

    async def close(self) -> None:
        """End the program."""
        for task in self._following:
            task.cancel()
        await self._hang_up()
        if self._program is not None:
            await self._program.stop()

    async def _lost(self, failure: FetchFailed) -> None:
        """The program answers no more; if it has ended, that says better why."""
        if self._program is not None:
            await self._program.ended(END_S)
        self.account.fail(str(failure))

    async def _hang_up(self) -> None:
        """End what connects us with the program; for derived clients, while the program still runs."""
