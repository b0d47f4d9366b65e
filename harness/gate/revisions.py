"""A revision made ready to run: its tree in a worktree of its own, its dependencies in an environment of its own.

The rule: the repository and its working tree stay as they are, and every worktree is gone when the gate ends.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from harness.cache import cache_directory
from harness.errors import SwarmbenchError, UsageError
from harness.gate.arms import Arm

LOCK = "requirements.lock"

PROGRAM = Path("harness") / "__main__.py"
"""What an arm runs. Where a tree lacks it, an installed one would be measured in its place."""


async def resolve(repository: Path, revision: str) -> str:
    """The commit that a revision names; raises UsageError."""
    code, told = await _git(repository, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if code:
        raise UsageError(
            f"revision {revision!r} is unknown in {repository}; see: git log, and fetch it if it is remote"
        )
    return told.strip()


async def refuse_changes(repository: Path) -> None:
    """Raise UsageError while the working tree holds changes that no revision has."""
    _, told = await _git(repository, "status", "--porcelain", "--untracked-files=no")
    if told.strip():
        raise UsageError(f"{repository} has uncommitted changes, which no revision holds: commit them, or name --head")


async def find_repository(start: Path) -> Path:
    """The root of the repository around a path; raises UsageError."""
    code, told = await _git(start, "rev-parse", "--show-toplevel")
    if code:
        raise UsageError(f"{start} is in no git repository; run the gate in a checkout of the project")
    return Path(told.strip())


@asynccontextmanager
async def ready_arm(name: str, repository: Path, commit: str, room: Path, *, shared_python: bool) -> AsyncIterator[Arm]:
    """An arm whose worktree in `room` is removed at the end; with `shared_python` it runs on the interpreter that runs
    the gate. Raises SwarmbenchError when it cannot be made ready."""
    tree = room / name
    code, told = await _git(repository, "worktree", "add", "--quiet", "--detach", str(tree), commit)
    if code:
        raise SwarmbenchError(f"{name}: git cannot check {commit[:12]} out to {tree}: {_last_line(told)}")
    try:
        if not (tree / PROGRAM).is_file():
            raise SwarmbenchError(
                f"{name}: {commit[:12]} has no {PROGRAM}, so it cannot run a scenario; choose another"
            )
        python = Path(sys.executable) if shared_python else await _environment(name, tree)
        yield Arm(name, commit, tree, python, tree)
    finally:
        # Shielded: an interrupt must not leave a worktree behind.
        await asyncio.shield(_git(repository, "worktree", "remove", "--force", str(tree)))


async def _environment(name: str, tree: Path) -> Path:
    """The interpreter of an environment with exactly what a tree's lock names; one is kept for each lock."""
    try:
        lock = (tree / LOCK).read_bytes()
    except OSError:
        raise SwarmbenchError(f"{name}: the revision has no {LOCK}, so nothing says what it runs on") from None
    key = hashlib.sha256(lock + sys.version.encode()).hexdigest()[:16]
    kept = cache_directory() / "environments" / key
    if not (kept / "bin" / "python").exists():
        draft = kept.with_name(f"{key}.{os.getpid()}")
        try:
            await _install(name, tree, draft)
            draft.rename(kept)
        except OSError as error:
            if not (kept / "bin" / "python").exists():  # else another gate was faster
                raise SwarmbenchError(f"{name}: cannot keep an environment in {kept}: {error.strerror}") from None
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return kept / "bin" / "python"


async def _install(name: str, tree: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    for command in (
        [sys.executable, "-m", "venv", str(target)],
        [str(target / "bin" / "python"), *pip, "--only-binary", ":all:", "-r", str(tree / LOCK)],
    ):
        code, told = await _run(command, tree)
        if code:
            raise SwarmbenchError(f"{name}: its environment cannot be built: {_last_line(told)}")


async def _git(directory: Path, *arguments: str) -> tuple[int, str]:
    return await _run(["git", "-C", str(directory), *arguments], directory)


async def _run(command: Sequence[str], directory: Path) -> tuple[int, str]:
    """Exit code and everything said; a cancelled command is ended."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    except OSError as error:
        raise SwarmbenchError(f"cannot run {command[0]}: {error.strerror}") from None
    try:
        told, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    return process.returncode or 0, told.decode(errors="replace")


def _last_line(told: str) -> str:
    lines = told.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
