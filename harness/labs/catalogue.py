"""Which labs there are, which of them this machine offers, and which one a name means."""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import SwarmbenchError, UsageError
from harness.labs.base import Availability, Lab
from harness.labs.loopback import LoopbackLab
from harness.labs.namespace.lab import NamespaceLab
from harness.labs.simulated.lab import SimulatedLab

AUTO = "auto"
_LABS: tuple[type[NamespaceLab] | type[LoopbackLab] | type[SimulatedLab], ...] = (
    NamespaceLab,
    LoopbackLab,
    SimulatedLab,
)
"""In order of preference; a simulated one is never preferred, but asked for."""


@dataclass(frozen=True, slots=True)
class LabRow:
    """One lab as `swarmbench labs` shows it."""

    name: str
    fidelity: str
    availability: Availability


def names() -> list[str]:
    """What a person may ask for."""
    return [AUTO, *(lab.name for lab in _LABS)]


def rows() -> list[LabRow]:
    """Every lab, and whether it works on this machine."""
    return [LabRow(lab.name, lab.fidelity, lab.availability()) for lab in _LABS]


def choose(name: str, *, unlimited: bool = False) -> Lab:
    """The lab of that name, not yet entered; `auto` is the most faithful one that works here.

    Where links are `unlimited` that is one which does not shape them.

    Raises UsageError for a name nobody knows, SwarmbenchError for a lab that does not work here.
    """
    if name not in names():
        raise UsageError(f"unknown lab {name!r}; known are: {', '.join(names())}")
    for lab in _LABS:
        if name not in (AUTO, lab.name) or (name == AUTO and (lab.virtual or (unlimited and lab.shapes_links))):
            continue
        availability = lab.availability()
        if availability.usable:
            return lab()
        if name == lab.name:
            others = [other.name for other in _LABS if other is not lab and other.availability().usable]
            instead = f"; or use --lab {others[0]}" if others else ""
            raise SwarmbenchError(f"the {name} lab does not work here: {availability.reason}{instead}")
    raise SwarmbenchError("no lab works on this machine; `swarmbench labs` says why")
