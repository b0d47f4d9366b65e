"""A network namespace of the tests' own, in which any 10.x address is at hand: transmission takes peers on 127.x for
impossible. Works for root, and for anybody whose kernel allows user namespaces."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from conftest import require_tool

from harness.labs.namespace.entry import AS_ROOT, AS_USER, Entry

NETWORK = "10.2.0.0/16"


class Namespace:
    """Runs programs inside; `new_address` gives each a host of its own."""

    def __init__(self, entry: Entry, holder: int) -> None:
        self._tie = entry.tie(holder)
        self._hosts = count(1)

    def new_address(self) -> str:
        """An address of the namespace that no program has yet."""
        host = next(self._hosts)
        return f"10.2.{host >> 8}.{host & 255}"

    @contextmanager
    def running(self, command: Sequence[object], log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """A program that is ended with the test; what it says goes to the file `log`."""
        with log.open("wb") as file:
            process = subprocess.Popen(
                [*self._tie, *map(str, command)], stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def private_network() -> Iterator[Namespace]:
    """A namespace with `lo` alone; it ends with its holder."""
    require_tool("unshare", "util-linux")
    ip = require_tool("ip", "iproute2")
    entry = AS_ROOT if os.geteuid() == 0 else AS_USER
    set_up = f"{ip} link set lo up && {ip} address add {NETWORK} dev lo && echo up && exec cat"
    command = ["unshare", *entry.create, "--", "sh", "-c", set_up]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:  # the end closes its stdin
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"up\n"
        yield Namespace(entry, holder.pid)
