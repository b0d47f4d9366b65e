"""Stories that mostly wait, as for other programs' timers, played side by side; a test then asks how its own ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest

AT_ONCE = 8
"""More would only keep the processors of a small machine from starting them."""

Story: TypeAlias = tuple[Any, ...]
"""A function, and what it is called with besides its place."""

Played: TypeAlias = Mapping[Story, Future[None]]
"""By story; the result raises what went wrong."""


def in_directory(directory: Path, story: Callable[..., None], *rest: object) -> None:
    """Play a story whose place is the directory itself."""
    story(directory, *rest)


@contextmanager
def side_by_side(
    stories: Iterable[Story], directories: pytest.TempPathFactory, play: Callable[..., None] = in_directory
) -> Iterator[Played]:
    """All of them under way, in this order, by `play(directory, *story)` in a directory of its own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {story: pool.submit(play, directories.mktemp("story"), *story) for story in stories}
