"""Sets of pieces in bits, and matchings."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.analysis.models.mesh import mesh
from harness.analysis.models.pieces import WORD, bits, draw, pick, prefer, set_of, whole, words


@given(st.integers(1, 300))
def test_a_whole_row_has_as_many_bits_as_there_are_pieces(pieces):
    """However they fill the last word."""
    assert words(pieces) == (pieces + 63) // 64
    assert int(np.bitwise_count(whole(pieces)).sum()) == pieces


@given(st.lists(st.sets(st.integers(0, 199)), min_size=1, max_size=20), st.integers(0, 1 << 40))
@settings(deadline=None)
def test_a_picked_piece_is_one_of_the_row(rows, salt):
    """And nothing is picked of an empty row only."""
    sets = np.zeros((len(rows), words(200)), np.uint64)
    for row, pieces in zip(sets, rows, strict=True):
        for piece in pieces:
            row[piece // WORD] |= bits(np.array([piece]))[0]
    picked, found = pick(sets, draw(np.arange(len(rows), dtype=np.uint64), salt))
    for piece, is_found, pieces in zip(picked.tolist(), found.tolist(), rows, strict=True):
        assert is_found == bool(pieces)
        assert not is_found or piece in pieces


def test_favourites_are_preferred_where_there_are_any():
    """A row without them stays as it is."""
    sets = np.stack([set_of(np.array(pieces, dtype=int), 3) for pieces in ([1, 70, 130], [1, 2], [])])
    preferred = prefer(sets, set_of(np.array([70, 130, 191]), 3))
    assert (preferred == np.stack([set_of(np.array(pieces, dtype=int), 3) for pieces in ([70, 130], [1, 2], [])])).all()


def test_every_piece_is_picked_about_as_often():
    """Of a full row each of 256 pieces comes within a half of its share, in 100 draws a piece."""
    sets = np.tile(whole(256), (25_600, 1))
    picked, _ = pick(sets, draw(np.arange(25_600, dtype=np.uint64), 7))
    counts = np.bincount(picked, minlength=256)
    assert counts.min() > 50
    assert counts.max() < 150


@pytest.mark.parametrize(("members", "degree"), [(1, 4), (2, 4), (5, 4), (6, 16), (17, 16), (100, 16), (40_001, 5)])
def test_partners_are_each_others(members, degree):
    """In each matching; the members of a small crowd all meet, and who is no member has no partner."""
    there = np.arange(3, 3 + members)
    matchings = mesh(there, members + 10, degree, np.random.default_rng(0))
    for partners in matchings:
        assert (partners[partners] == np.arange(members + 10)).all()
        assert set(np.flatnonzero(partners != np.arange(members + 10))) <= set(there)
    if members <= degree + 1:
        met = {(i, int(partners[i])) for partners in matchings for i in there if partners[i] != i}
        assert len(met) == members * (members - 1)
    else:
        assert len(matchings) == degree
