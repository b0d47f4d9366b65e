"""transmission-daemon with one torrent: `transmission_program.py ADDRESS PORT DIRECTORY TORRENT|MAGNET`.

This process becomes the daemon; a child hands it the torrent over its RPC, as its watch directory takes no links.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

RPC_PORT = 9091
PATIENCE_S = 60.0


def settings(address: str, port: str, directory: str) -> dict[str, object]:
    """A daemon on one address that talks to nobody but the peers of its torrents."""
    return {
        "bind-address-ipv4": address,
        "peer-port": int(port),
        "rpc-bind-address": address,
        "rpc-port": RPC_PORT,
        "rpc-whitelist-enabled": False,
        "rpc-host-whitelist-enabled": False,
        "dht-enabled": False,
        "lpd-enabled": False,
        "utp-enabled": False,
        "port-forwarding-enabled": False,
        "encryption": 0,
        "cache-size-mb": 0,
        "preallocation": 0,
        "rename-partial-files": False,
        "ratio-limit-enabled": False,
        "download-dir": directory,
    }


def add(address: str, source: str) -> None:
    """Ask the daemon to seed or fetch this, as soon as it answers."""
    if source.startswith("magnet:"):
        wanted = {"filename": source}
    else:
        wanted = {"metainfo": base64.b64encode(Path(source).read_bytes()).decode()}
    body = json.dumps({"method": "torrent-add", "arguments": wanted}).encode()
    url = f"http://{address}:{RPC_PORT}/transmission/rpc"
    headers: dict[str, str] = {}
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
                print(answer.read().decode(), flush=True)
                return
        except urllib.error.HTTPError as error:  # the first answer of all is a token to ask with
            headers["X-Transmission-Session-Id"] = error.headers["X-Transmission-Session-Id"]
        except OSError:
            time.sleep(0.05)


def main() -> None:
    """Start the daemon and its child."""
    address, port, directory, source = sys.argv[1:]
    room = Path(f"{directory}.transmission")
    room.mkdir()
    (room / "settings.json").write_text(json.dumps(settings(address, port, directory)))
    if os.fork() == 0:
        with contextlib.suppress(BrokenPipeError):
            add(address, source)
        os._exit(0)
    command = shutil.which("transmission-daemon")
    assert command is not None
    os.execv(command, [command, "--foreground", "--config-dir", str(room), "--log-info"])


if __name__ == "__main__":
    main()
