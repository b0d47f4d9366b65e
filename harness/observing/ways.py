"""Ways to watch: which programs of this machine can, and what to install where none can."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SwarmbenchError

PATIENCE_S = 10.0
"""For Docker's daemon to answer."""

GRAFANA_PAGE = "https://grafana.com/grafana/download"

WITHOUT = "report.html of a run needs neither"


@dataclass(frozen=True, slots=True)
class Local:
    """Prometheus, and the command of Grafana's server where there is one."""

    prometheus: str
    grafana: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Containers:
    """Docker, whose daemon answers."""

    docker: str


async def choose_way(*, docker_only: bool) -> Local | Containers:
    """The first that works here; raises SwarmbenchError, which says what to install."""
    prometheus, docker = shutil.which("prometheus"), shutil.which("docker")
    if prometheus is not None and not docker_only:
        return Local(prometheus, _grafana())
    if docker is None:
        missing = "docker is not" if docker_only else "neither prometheus nor docker is"
        install = "docker.io" if docker_only else "prometheus (or docker.io)"
        raise SwarmbenchError(f"observe: {missing} on PATH; install it with: apt-get install {install}; {WITHOUT}")
    if not await _succeeds(docker, "info"):
        raise SwarmbenchError(
            f"observe: {docker} is here, but its daemon does not answer (see: docker info); start it, "
            f"or install Prometheus with: apt-get install prometheus; {WITHOUT}"
        )
    if not await _succeeds(docker, "compose", "version"):
        raise SwarmbenchError(f"observe: {docker} has no compose; install it with: apt-get install docker-compose-v2")
    return Containers(docker)


def grafana_home(program: str) -> Path | None:
    """Where Grafana's own files lie: beside the program as it is unpacked, or where packages put them."""
    beside = Path(program).resolve().parent.parent
    homes = (beside, Path("/usr/share/grafana"))
    return next((home for home in homes if (home / "conf" / "defaults.ini").is_file()), None)


def _grafana() -> tuple[str, ...] | None:
    """Before version 10 the server was a program of its own."""
    if program := shutil.which("grafana"):
        return program, "server"
    if program := shutil.which("grafana-server"):
        return (program,)
    return None


async def _succeeds(*command: str) -> bool:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        return await asyncio.wait_for(process.wait(), PATIENCE_S) == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
