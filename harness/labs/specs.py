"""What any lab asks of the hosts it is to lay out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.errors import SwarmbenchError, UsageError
from harness.labs.base import HostSpec


def check_specs(specs: Sequence[HostSpec], most: int, *, shaped: bool = True, idle: bool = False) -> None:
    """Raise UsageError for names used twice or rates no link can have, SwarmbenchError for more than `most` hosts.

    Links that are not `shaped` may be unlimited; `idle` ones may carry nothing.
    """
    if len(specs) > most:
        raise SwarmbenchError(f"{len(specs)} hosts are too many: this lab has room for {most}; lower --peers")
    if len({spec.name for spec in specs}) < len(specs):
        raise UsageError("two hosts of the lab have one name; every host needs its own")
    for spec in specs:
        for direction, rate in (("up", spec.up), ("down", spec.down)):
            if shaped and rate == math.inf:
                raise UsageError(
                    f"host {spec.name}: {direction} is unlimited; this lab shapes links, use --lab loopback"
                )
            if not 0 < rate <= math.inf and not (idle and rate == 0):
                raise UsageError(f"host {spec.name}: {direction} is {rate:g} bytes/s; a link needs a rate above zero")
