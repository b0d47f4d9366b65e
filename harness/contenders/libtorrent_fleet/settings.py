"""How libtorrent is set up: tuned for what it is measured on, with its defaults left where they are the best known.

What was tried, with figures, is in docs/decisions/0028-reference-clients.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import libtorrent as lt

if TYPE_CHECKING:
    from libtorrent import settings_pack

ALERTS = (
    lt.alert.category_t.error_notification
    | lt.alert.category_t.status_notification
    | lt.alert.category_t.storage_notification
    | lt.alert.category_t.piece_progress_notification
)
FIRST_BLOCK = lt.alert.category_t.block_progress_notification
"""On only until the first block is there: an alert for each block would cost the client more than the block."""

ALERT_QUEUE = 1 << 16
"""Alerts kept for us while we are busy; its 2,000 would drop pieces of a large torrent."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """What depends on the links: rates (bytes/s, None: no cap), request queue (blocks), and how peers are choked."""

    upload_rate: float | None
    download_rate: float | None
    request_queue: int
    slots: int
    unchoke_interval_s: int
    checks_files: bool
    """Whether files found are hashed: a seed's are; a peer that fetches takes them to hold nothing of the item."""


def settings(address: str, port: int, tuning: Tuning) -> settings_pack:
    """The settings of one session."""
    return {
        "listen_interfaces": f"{address}:{port}",
        "outgoing_interfaces": address,
        "alert_mask": ALERTS | FIRST_BLOCK,
        "alert_queue_size": ALERT_QUEUE,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "enable_outgoing_utp": False,
        "enable_incoming_utp": False,
        "out_enc_policy": 2,
        "in_enc_policy": 2,
        "allow_multiple_connections_per_ip": True,
        # A leech that becomes a seed would hang up on other seeds, and their counters with them.
        "close_redundant_connections": False,
        # Ending a session waits for its goodbye to the tracker, and the fleet's other peers wait with it.
        "stop_tracker_timeout": 1,
        "connections_limit": 2000,
        "connection_speed": 1000,
        "torrent_connect_boost": 255,
        "smooth_connects": False,
        "tick_interval": 100,
        "unchoke_interval": tuning.unchoke_interval_s,
        "unchoke_slots_limit": tuning.slots,
        "send_buffer_watermark": 1 << 20,
        "send_buffer_low_watermark": 512 << 10,
        "max_out_request_queue": tuning.request_queue,
        "max_queued_disk_bytes": 256 << 20,
        "aio_threads": 2,
        "no_recheck_incomplete_resume": not tuning.checks_files,
        "upload_rate_limit": int(tuning.upload_rate or 0),
        "download_rate_limit": int(tuning.download_rate or 0),
    }


def new_session(address: str, port: int, tuning: Tuning) -> lt.session:
    """A session that chokes and caps peers on private addresses like any others, which it does not by default."""
    session = lt.session(settings(address, port, tuning))
    everyone = lt.ip_filter()
    everyone.add_rule("0.0.0.0", "255.255.255.255", 1 << lt.session.global_peer_class_id)
    session.set_peer_class_filter(everyone)
    return session
