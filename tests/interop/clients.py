"""Other people's clients, as peers to test against."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import libtorrent as lt

PATIENCE_S = 60.0
"""After which a test gives up."""


def wait_for(condition: Callable[[], bool], patience_s: float = PATIENCE_S) -> bool:
    """Whether it came true in time."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


QUIET = {
    "allow_multiple_connections_per_ip": True,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_dht": False,
    # It dials uTP first and loses seconds.
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "in_enc_policy": 2,
    "out_enc_policy": 2,
    # All sessions of a process share what UDP trackers gave them, by host without port: what the tracker of one test
    # gave would be shown to that of the next, which refuses it.
    "udp_tracker_token_expiry": 0,
}
"""Settings of a session that talks to nobody it was not told of, in plain TCP."""


DHT = {
    "enable_dht": True,
    # It holds neighbours on one subnet, and frequent questions, for an attack.
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_block_ratelimit": 1000,
}
"""Settings of a session that takes part in the DHT of a laboratory."""


class LibtorrentClient:
    """A session on one address that talks to nobody but the peers of its torrents, and to the DHT that it enters by the
    node at `contact`, if any."""

    def __init__(self, host: str, port: int, contact: str | None = None) -> None:
        self.address = (host, port)
        self.session = lt.session(
            QUIET
            | {
                "listen_interfaces": f"{host}:{port}",
                "outgoing_interfaces": host,
                # Two sessions that dial each other at the same moment end both connections.
                "min_reconnect_time": 1,
                "alert_mask": lt.alert.category_t.error_notification | lt.alert.category_t.dht_notification,
            }
            | ({} if contact is None else DHT | {"dht_bootstrap_nodes": contact})
        )
        if contact is not None:
            # What it is given before it has entered the DHT, it announces a minute later.
            wait_for(lambda: any(isinstance(alert, lt.dht_bootstrap_alert) for alert in self.session.pop_alerts()))

    def add_torrent(self, torrent: Path, directory: Path) -> lt.torrent_handle:
        """Seed or fetch the content of a torrent file in this directory, whichever it needs."""
        params = lt.add_torrent_params()
        params.ti = lt.torrent_info(str(torrent))
        return self._add(params, directory)

    def add_magnet(self, link: str, directory: Path) -> lt.torrent_handle:
        """Fetch the content of a magnet link into this directory."""
        return self._add(lt.parse_magnet_uri(link), directory)

    def _add(self, params: lt.add_torrent_params, directory: Path) -> lt.torrent_handle:
        params.save_path = str(directory)
        params.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
        return self.session.add_torrent(params)


@contextmanager
def libtorrent_client(host: str, port: int) -> Iterator[LibtorrentClient]:
    """A session that is gone at the end."""
    client = LibtorrentClient(host, port)
    try:
        yield client
    finally:
        client.session.pause()
        del client.session
