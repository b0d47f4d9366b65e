"""The servers that a central contender may have: how each is started on the origin's host, and when it is ready."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Protocol

from harness.contenders.base import Stage
from harness.contenders.readiness import until_ready, until_says
from harness.errors import SwarmbenchError
from harness.labs.base import Process
from harness.results.roles import Role

PORT = 8080

_SYSTEM_PROGRAMS = "/usr/local/sbin:/usr/sbin:/sbin"
"""Where distributions put nginx; the PATH of people who are not root often lacks it."""

_NGINX = """\
daemon off;
user root;  # in a namespace the only user there is; ignored for whoever is not root
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen {address}:{port} backlog=4096;
        root root;
    }}
}}
"""
"""Debian's own settings – sendfile and tcp_nopush –, with one worker and without an access log, as baseline_server has
it. All paths are relative to the server's directory, so none has to be quoted."""


class Origin(Protocol):
    """An HTTP server that offers the item's directory on the origin's host at `PORT`."""

    def unavailable(self) -> str | None:
        """Why it cannot run here and the command that would mend it, or None."""
        ...

    async def start(self, stage: Stage) -> Process:
        """Start it; raises SwarmbenchError."""
        ...

    async def until_ready(self, stage: Stage, process: Process) -> None:
        """Wait until it accepts connections; raises SwarmbenchError when it does not come up."""
        ...


class BaselineServer:
    """This project's own server."""

    def unavailable(self) -> str | None:
        """It is part of this project, so it always runs."""
        return None

    async def start(self, stage: Stage) -> Process:
        """Start it, under a cap of its own where the lab shapes no links."""
        command = [sys.executable, "-m", "baseline_server", "--root", str(stage.item.path.parent)]
        command += ["--address", stage.server.address, "--port", str(PORT)]
        if rate := stage.cap(stage.server.up):
            command += ["--rate", str(int(rate))]
        command += stage.telling(Role.SERVER, "http")
        return await stage.lab.start(command, log=_log(stage))

    async def until_ready(self, stage: Stage, process: Process) -> None:
        """It says so."""
        await until_says("the HTTP server", process, _log(stage), "listening on")


class Nginx:
    """nginx, one worker, sending by sendfile(2)."""

    def unavailable(self) -> str | None:
        """The command that installs it where it is missing."""
        return None if _nginx() else "nginx is missing; install it with: apt-get install nginx-light"

    async def start(self, stage: Stage) -> Process:
        """Start it; raises SwarmbenchError where it would have to cap itself, for it caps single connections only."""
        if stage.cap(stage.server.up) is not None:
            raise SwarmbenchError("nginx has no cap for all its connections together; use --lab namespace")
        room = _room(stage)
        room.mkdir()
        (room / "root").symlink_to(stage.item.path.parent)
        (room / "nginx.conf").write_text(_NGINX.format(address=stage.server.address, port=PORT))
        command = [_nginx() or "nginx", "-e", "stderr", "-p", str(room), "-c", "nginx.conf"]
        return await stage.lab.start(command, log=_log(stage))

    async def until_ready(self, stage: Stage, process: Process) -> None:
        """It says nothing, but writes its process id once it listens."""

        async def listens() -> bool:
            return (_room(stage) / "nginx.pid").exists()

        await until_ready("nginx", process, _log(stage), listens)


def _nginx() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_PROGRAMS}")


def _room(stage: Stage) -> Path:
    return stage.sockets / "nginx"


def _log(stage: Stage) -> Path:
    return stage.logs / "server.log"
