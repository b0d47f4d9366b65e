"""A peer that fetches by a command of somebody's own, whatever that command does."""

from __future__ import annotations

import asyncio
import hashlib
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from harness.contenders.command_fleet.peer import CommandPeer
from harness.contenders.hosting.events import Done, Event
from harness.contenders.hosting.metrics import Tally
from harness.contenders.hosting.peer import FetchOrder, PeerOrder

CONTENT = b"content"
ORDER = FetchOrder("http://10.1.0.1:8000/item.bin", hashlib.sha256(CONTENT).hexdigest())


def peer(directory: Path, template: str) -> CommandPeer:
    order = PeerOrder("peer-1", "127.0.0.1", str(directory))
    return CommandPeer(order, Tally("command"), template, {"server": "10.1.0.1", "port": "8000"})


def fetched(directory: Path, template: str) -> list[Event]:
    async def fetch() -> list[Event]:
        return [event async for event in peer(directory, template).fetch(ORDER)]

    return asyncio.run(fetch())


def test_what_the_command_brings_is_verified_and_counted(tmp_path: Path) -> None:
    """Started, first byte, done; all of it from the origin."""
    events = fetched(tmp_path, "sh -c 'printf content >$0' {out}")
    assert [type(event).__name__ for event in events] == ["Started", "FirstByte", "Done"]
    done = events[-1]
    assert isinstance(done, Done) and done.ok and done.sources.origin == done.bytes == len(CONTENT)
    assert done.path is not None and Path(done.path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("sh -c 'printf content >$0; echo no luck; exit 3' {out}", "exit code 3; its last words: no luck"),
        ("sh -c 'printf wrong >$0' {out}", "wrong content"),
        ("true {out}", "left no file"),
        ("no-such-command {out}", "cannot be started"),
    ],
)
def test_a_command_that_fails_is_a_failed_fetch_with_the_reason(tmp_path: Path, template: str, told: str) -> None:
    """Also one that ends well and brought something else, or nothing."""
    done = fetched(tmp_path, template)[-1]
    assert isinstance(done, Done) and not done.ok and done.error is not None
    assert told in done.error


def test_a_command_that_hangs_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    """Closing the stream, as at a deadline, leaves no process."""

    async def give_up() -> None:
        hanging = peer(tmp_path, f"sh -c 'echo $$ >{tmp_path}/pid; printf c >$0; exec sleep 60' {{out}}")
        async with aclosing(hanging.fetch(ORDER)) as events:
            async for event in events:
                if type(event).__name__ == "FirstByte":
                    break

    asyncio.run(give_up())
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
