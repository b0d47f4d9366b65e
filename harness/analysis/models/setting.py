"""A scenario and what its links carry, as the models take them: the same crowd that was measured, or a larger one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.analysis import bounds
from harness.analysis.limits import peers_of
from harness.analysis.models.crowd import BLOCK, Crowd
from harness.results.schema import Calibration
from harness.scenarios.model import Content, Scenario

WANTED_PIECES, LARGEST_PIECE = 512, 4 << 20
"""How our node chooses pieces where nobody says (`choose_piece_length` in `p2p_node/wire/metainfo.py`)."""


def pieces_of(content: Content) -> int:
    """How many pieces an item is cut into."""
    size = content.piece_size or BLOCK
    if not content.piece_size:
        while size < LARGEST_PIECE and content.size >= 2 * size * WANTED_PIECES:
            size *= 2
    return -(-content.size // size)


def crowd_of(scenario: Scenario, rates: Calibration, peers: int) -> Crowd:
    """So many peers of a scenario that all come at once."""
    present = _flash(scenario, rates, peers, origin_is_server=False)
    return Crowd(
        size=scenario.content.size,
        pieces=pieces_of(scenario.content),
        server_up=rates.server_up,
        arrival=np.array([peer.arrival for peer in present]),
        up=np.array([peer.up for peer in present]),
        down=np.array([peer.down for peer in present]),
        server_leaves=scenario.demand.origin_leaves or math.inf,
    )


def bound_of(scenario: Scenario, rates: Calibration, peers: int, *, origin_is_server: bool) -> float:
    """Seconds that so many peers who come at once need at least until all are done."""
    present = _flash(scenario, rates, peers, origin_is_server=origin_is_server)
    return bounds.completion(scenario.content.size, present, server_up=rates.server_up)


def _flash(scenario: Scenario, rates: Calibration, peers: int, *, origin_is_server: bool) -> Sequence[bounds.Peer]:
    return peers_of(scenario, [0.0] * peers, rates, origin_is_server=origin_is_server)
