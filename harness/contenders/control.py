"""The harness's client of the control API (docs/control-api.md): a fleet on a Unix-domain socket."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp

from harness.errors import SwarmbenchError

ANSWER_TIMEOUT_S = 20.0
"""Adding a peer opens sockets and files; a fleet that takes longer is stuck."""


class FleetControl:
    """One fleet's control API; an async context manager."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self._session = aiohttp.ClientSession(
            "http://fleet",
            connector=aiohttp.UnixConnector(str(socket)),
            timeout=aiohttp.ClientTimeout(ANSWER_TIMEOUT_S),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def healthy(self) -> bool:
        """True when the fleet is up and says that it is well."""
        try:
            async with self._session.get("/healthz") as response:
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def add_peer(self, spec: Mapping[str, str | float | None]) -> int:
        """Make an idle peer as `spec` says; returns its port. Raises SwarmbenchError."""
        answer = await self._ask("POST", "/peers", json=spec)
        return int(answer.get("port", 0))

    async def remove_peer(self, peer: str, *, abrupt: bool = False) -> None:
        """Remove a peer, with or without a goodbye; raises SwarmbenchError."""
        await self._ask("DELETE", f"/peers/{quote(peer)}", params={"abrupt": int(abrupt)})

    async def _ask(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        try:
            async with self._session.request(method, path, **how) as response:
                answer = await response.json() if response.content_type == "application/json" else {}
                if response.status < 400:
                    return dict(answer)
                reason = answer.get("error", f"status {response.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            reason = str(error) or type(error).__name__
        raise SwarmbenchError(f"fleet {self.socket.name}: {method} {path}: {reason}")
