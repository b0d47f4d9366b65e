"""Ways into a network namespace of our own, and which of them this machine allows.

A user namespace around the network namespace makes root unnecessary, but only one user id exists inside. Real root does
without, so that programs may still change their user there (nginx's workers, opentracker).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from harness.labs.base import Availability
from harness.labs.keeper import module_argv
from harness.labs.namespace.pipe import Answer, LaidOut, Layout, Link

HOLDER = "harness.labs.namespace.holder"
TRIAL_TIMEOUT_S = 20.0
_TRIAL = Layout([Link("10.1.0.1", 1e6, 1e6), Link("10.1.0.2", 1e6, 1e6)])
_COMMANDS = ("unshare", "nsenter", "setpriv")

_LIMITS = (
    # Where distributions and administrators switch user namespaces off: the file, the value that forbids, the remedy.
    ("kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "sysctl kernel.apparmor_restrict_unprivileged_userns=0"),
    ("user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"),
    ("user/max_net_namespaces", "0", "sysctl user.max_net_namespaces=10000"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """How to make the namespace, and how to join it."""

    create: Sequence[str]
    join: Sequence[str]

    def holder_argv(self) -> list[str]:
        """The command that starts a holder in a new namespace; `unshare` execs it in place."""
        return ["unshare", *self.create, "--", *module_argv(HOLDER)]

    def tie(self, holder: int) -> list[str]:
        """The prefix that runs a command in the holder's namespace, under the same process id, until the harness ends.

        setpriv comes last because the kernel forgets a parent-death signal when credentials change (prctl(2)).
        """
        return ["nsenter", "--target", str(holder), *self.join, "--", "setpriv", "--pdeathsig", "SIGKILL", "--"]


AS_ROOT = Entry(create=("--net",), join=("--net",))
AS_USER = Entry(
    create=("--user", "--map-root-user", "--net"),
    join=("--user", "--net", "--preserve-credentials"),
)


@cache
def find() -> tuple[Entry | None, Availability]:
    """The first way in that carries a small lay-out here, tried for real (about 0.4 s, once a process)."""
    if sys.platform != "linux":
        return None, Availability(False, "network namespaces need Linux; use --lab loopback")
    missing = [command for command in _COMMANDS if shutil.which(command) is None]
    if missing:
        return None, Availability(False, f"{', '.join(missing)} not found; install util-linux")
    failure = ""
    for entry in (AS_ROOT, AS_USER) if os.geteuid() == 0 else (AS_USER,):
        failure = _try(entry)
        if not failure:
            how = "as root" if entry is AS_ROOT else "without root"
            return entry, Availability(True, f"links shaped by the kernel in a private network namespace, {how}")
    return None, Availability(False, failure)


def _try(entry: Entry) -> str:
    """Lay out two hosts in a namespace that ends at once; returns why it failed, or nothing."""
    pipe = subprocess.PIPE
    holder = subprocess.Popen(
        entry.holder_argv(), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
    )
    watchdog = threading.Timer(TRIAL_TIMEOUT_S, holder.kill)
    watchdog.start()
    with holder:  # which closes its stdin, and so ends it
        assert holder.stdin is not None and holder.stdout is not None and holder.stderr is not None
        with suppress(BrokenPipeError):  # where unshare has failed at once; stderr says why
            holder.stdin.write(msgspec.json.encode(_TRIAL) + b"\n")
        said = holder.stdout.readline()
        complaint = "" if said else holder.stderr.read().decode(errors="replace").strip()
    watchdog.cancel()
    if said:
        answer: Answer = msgspec.json.decode(said, type=Answer)
        return "" if isinstance(answer, LaidOut) else answer.reason
    if not complaint:
        return f"laying out two hosts took more than {TRIAL_TIMEOUT_S:.0f} s; is the machine overloaded?"
    last_line = complaint.splitlines()[-1]
    return f"{last_line}; {_remedy()}" if last_line.startswith("unshare") else f"its holder failed: {last_line}"


def _remedy() -> str:
    for name, forbidding, remedy in _LIMITS:
        limit = Path("/proc/sys") / name
        if limit.exists() and limit.read_text().strip() == forbidding:
            return f"allow namespaces with: {remedy}"
    return "a container must be allowed to create namespaces (Docker: --security-opt seccomp=unconfined)"
