"""What all clients that are programs of their own share, whatever is spoken with them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from harness.contenders.hosting.swarming import Account
from harness.contenders.process_fleet.program import Program, Rates
from harness.contenders.process_fleet.received import Received


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
        """Take the kernel's count of what came from the origin, which these programs do not tell."""
        if self._origin is not None:
            ended = self.account.ended
            self.account.from_origin = self._received.between(self._address, self._origin, fresh=ended)

    async def close(self) -> None:
        """End the program."""
        for task in self._following:
            task.cancel()
        await self._hang_up()
        if self._program is not None:
            await self._program.stop()

    async def _hang_up(self) -> None:
        """End what connects us with the program; for derived clients, while the program still runs."""
