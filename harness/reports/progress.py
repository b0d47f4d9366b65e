"""Progress of a run: the step under way, the steps done, and the time left.

On a terminal a live line; elsewhere one plain line for each finished step, so that a log stays readable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.text import Text

FIRST_GUESS = 1.3
"""Until a step is done, each is taken to last this many times its bound: deploying and cleaning up cost time too."""


class Pace:
    """The time left of a run, by its steps' expected times and how long the finished ones took; it has no clock."""

    def __init__(self, expected_s: dict[str, float]) -> None:
        self._waiting = dict(expected_s)
        self._current: tuple[float, float] | None = None
        self._fraction = 0.0
        self._expected_done = 0.0
        self._really_took = 0.0

    def start(self, label: str, now: float) -> None:
        """A step begins; one that was not announced counts as nothing."""
        self._current = (self._waiting.pop(label, 0.0), now)
        self._fraction = 0.0

    def progress(self, fraction: float) -> None:
        """This share of the step is behind us."""
        self._fraction = min(max(fraction, 0.0), 1.0)

    def finish(self, now: float) -> float:
        """The step ends; returns the seconds it took."""
        if self._current is None:
            return 0.0
        expected, started = self._current
        self._current = None
        self._expected_done += expected
        self._really_took += now - started
        return now - started

    def left(self) -> float:
        """Seconds until the last step is done, by the pace so far."""
        pace = self._really_took / self._expected_done if self._expected_done else FIRST_GUESS
        of_current = self._current[0] * (1 - self._fraction) if self._current else 0.0
        return pace * (of_current + sum(self._waiting.values()))


class RunProgress:
    """Shows how far a run is; a context manager. `steps` are label and expected seconds (the bound), in any order."""

    def __init__(
        self,
        steps: Sequence[tuple[str, float]],
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console or Console()
        self._clock = clock
        self._pace = Pace(dict(steps))
        self._total = len(steps)
        self._done = 0
        self._label = ""
        self._bars = Progress(
            MofNCompleteColumn(),
            TextColumn("{task.fields[label]}", markup=False),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            transient=True,
            expand=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bars.add_task("", total=self._total, label="", detail="", left="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bars.stop()

    def step_started(self, label: str) -> None:
        """The step of this label begins to be deployed."""
        self._pace.start(label, self._clock())
        self._label = label
        self._show(self._done, label=label)
        self._bars.refresh()

    def step_progress(self, fraction: float, detail: str = "") -> None:
        """This share of its bytes is delivered; `detail` says it in words, such as `12 of 256 MiB`."""
        self._pace.progress(fraction)
        self._show(self._done + min(max(fraction, 0.0), 1.0), label=self._label, detail=detail)

    def step_done(self, label: str, note: str = "") -> None:
        """The step is over, well or badly; `note` says what is to be noticed about it, and is kept on the screen."""
        took = self._pace.finish(self._clock())
        self._done += 1
        self._show(self._done, label="")
        if note or not self._console.is_terminal:
            line = f"{self._done}/{self._total}  {label}  {took:.1f} s" + (f"  {note}" if note else "")
            self._console.print(Text(line), soft_wrap=True)

    def _show(self, done: float, *, label: str, detail: str = "") -> None:
        left = round(self._pace.left())
        self._bars.update(
            self._task, completed=done, label=label, detail=detail, left=f"{left // 60}:{left % 60:02} left"
        )
