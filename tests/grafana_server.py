"""A stand-in for Grafana: a real HTTP server that answers as Grafana's API does, and records what it was asked.

No Grafana binary can be had on the machines that build and test this, so that paths, bodies and headers are checked
against this server instead of against Grafana itself.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "glsa_0123456789abcdef"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    authorization: str | None
    body: dict | None


@dataclass
class StandIn:
    """What the server holds, and what it was asked. `failures` are answers by the beginning of a path."""

    url: str = ""
    prefix: str = ""
    requests: list[Request] = field(default_factory=list)
    folders: dict[str, str] = field(default_factory=dict)
    datasources: list[str] = field(default_factory=lambda: ["loki", "prometheus"])
    dashboards: dict[str, tuple[dict, str]] = field(default_factory=dict)
    failures: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    silent: threading.Event = field(default_factory=threading.Event)
    """As long as it is set nobody is answered."""
    ended: threading.Event = field(default_factory=threading.Event)

    def asked(self, method: str) -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    def answer(self, request: Request) -> tuple[int, object]:
        for (method, beginning), (status, body) in self.failures.items():
            if request.method == method and request.path.startswith(beginning):
                return status, body
        if not request.path.startswith(f"{self.prefix}/api/"):
            return 404, "<html>no such page; the message of the day: use the path</html>"
        match request.method, request.path.removeprefix(f"{self.prefix}/api/").split("/"), request.body:
            case "GET", ["folders"], _:
                return 200, [{"uid": uid, "title": title} for uid, title in self.folders.items()]
            case "POST", ["folders"], {"title": title}:
                self.folders["made-here"] = title
                return 200, {"uid": "made-here", "title": title}
            case "GET", ["datasources"], _:
                return 200, [{"type": kind, "name": kind} for kind in self.datasources]
            case "GET", ["dashboards", "uid", uid], _:
                if uid not in self.dashboards:
                    return 404, {"message": "Dashboard not found"}
                model, folder = self.dashboards[uid]
                return 200, {"dashboard": model, "meta": {"folderUid": folder}}
            case "POST", ["dashboards", "db"], {"dashboard": model, "folderUid": folder}:
                return self._save(model, folder)
            case "POST", ["annotations"], _:
                return 200, {"id": 1, "message": "Annotation added"}
        return 400, {"message": f"not known: {request.method} {request.path}"}

    def _save(self, model: dict, folder: str) -> tuple[int, object]:
        there, _ = self.dashboards.get(model["uid"], ({"version": 0}, ""))
        if model.get("version", 0) != there["version"]:
            return 412, {"status": "version-mismatch", "message": "The dashboard has been changed by someone else"}
        version = there["version"] + 1
        self.dashboards[model["uid"]] = ({**model, "id": 7, "version": version}, folder)
        return 200, {"status": "success", "uid": model["uid"], "version": version}


@contextmanager
def grafana(prefix: str = "") -> Iterator[StandIn]:
    """The stand-in at a free port, below a path."""
    stand_in = StandIn(prefix=prefix)

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            request = Request(self.command, self.path, self.headers.get("Authorization"), body)
            stand_in.requests.append(request)
            if stand_in.silent.is_set():
                stand_in.ended.wait(20)
                return
            status, content = stand_in.answer(request)
            text = content if isinstance(content, str) else json.dumps(content)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", text)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_POST = do_PUT = handle_any

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.url = f"http://127.0.0.1:{server.server_port}{prefix}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield stand_in
        finally:
            stand_in.ended.set()
            server.shutdown()
            thread.join()
