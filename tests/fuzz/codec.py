"""What is fuzzed: one decoder, and what it may refuse with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from baseline_server.errors import Refusal
from baseline_server.ranges import Unsatisfiable
from p2p_node.wire.errors import MagnetError, MetainfoError, ProtocolError

REFUSALS = (ProtocolError, MetainfoError, MagnetError, Refusal, Unsatisfiable)


@dataclass(frozen=True)
class Codec:
    """One decoder. `valid` makes inputs that `check` must accept; `check` takes any bytes."""

    name: str
    valid: Callable[[Random], bytes]
    check: Callable[[bytes], None]
