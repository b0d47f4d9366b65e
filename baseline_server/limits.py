"""How much patience and room the server has. Times are seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one server."""

    max_connections: int = 4096
    header_s: float = 10.0
    """From a request's first byte (or the accept) to the end of its head: whoever trickles a head is slowloris."""
    idle_s: float = 60.0
    """Between requests, as long as nginx's keepalive_timeout in round numbers."""
    send_s: float = 30.0
    """Without the client taking a single byte of a response."""
    linger_s: float = 2.0
    """Reading on after an error so that the client sees the answer before a reset; nginx waits 5 s."""
    drain_s: float = 30.0
    """After SIGTERM, for responses that are under way."""
