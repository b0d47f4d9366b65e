"""Whether a lab's links are what they were to be, by the calibration before the run."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.schema import Calibration, LinkRate

NAMESPACE = "namespace"

TOLERANCE = 0.03
"""Links further off than this make every row invalid; a kernel that shapes is off by a hundredth of it."""
TOLERANCE_OF_CAPS = 0.05
"""The same where programs cap themselves, in event loops that the machine may interrupt."""

PROMISE = 0.02
"""What a check of the namespace lab is to find."""


def tolerance(lab: str) -> float:
    """By which share links may be off in a lab before a run's rows are invalid."""
    return TOLERANCE if lab == NAMESPACE else TOLERANCE_OF_CAPS


def promise(lab: str) -> float:
    """By which share the links of a lab should be off at most on a machine that is idle."""
    return PROMISE if lab == NAMESPACE else TOLERANCE_OF_CAPS


def off(links: Sequence[LinkRate], limit: float) -> list[LinkRate]:
    """The links that are off by more than a limit, the worst first."""
    return sorted((link for link in links if abs(link.error) > limit), key=lambda link: -abs(link.error))


def distrust(calibration: Calibration, lab: str) -> str | None:
    """Why no row of a run with this calibration counts, or None.

    The server's downlink is left out: no bound rests on it, and few peers can fill it.
    """
    judged = [link for link in calibration.links if (link.link, link.direction) != ("server", "down")]
    wrong = off(judged, tolerance(lab))
    if not wrong:
        return None
    worst = wrong[0]
    return f"the links are not what they were to be: {worst.link} {worst.direction} is off by {worst.error:+.1%}"
