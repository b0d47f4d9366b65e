"""What people are told, in every case, and that it is no more than the rows say."""

from __future__ import annotations

from records import row

from harness.analysis.verdict import verdict


def versus(http: dict[int, float], swarm: dict[int, float]):
    return [row(name, n, last) for name, lasts in (("http", http), ("swarm", swarm)) for n, last in lasts.items()]


def test_a_crossover_is_told_with_the_difference_at_the_largest_number():
    """From where, by how much, what the origin still sends, and how close to the limit."""
    assert verdict(versus({1: 2, 2: 4, 32: 56}, {1: 2.2, 2: 3, 32: 8})) == (
        "From 2 peers on the swarm is faster, with fewer the central server is; at 32 peers the swarm finishes "
        "7.0 times sooner (8 s against 56 s), and of the swarm's bytes the origin sends 3%. "
        "Share of the speed that theory allows each at 32 peers: the central server 90% and the swarm 90%."
    )


def test_level_before_the_crossover_is_told_as_level():
    """Not as a win of the server."""
    assert "From 2 peers on the swarm is faster, with fewer they are level;" in verdict(
        versus({1: 2, 2: 4}, {1: 2.02, 2: 3})
    )


def test_a_server_that_leads_before_the_crossover_only_at_times_is_told_so():
    """Level at 1, behind at 2, ahead at 4."""
    assert "From 4 peers on the swarm is faster, with fewer the central server is, or they are level;" in verdict(
        versus({1: 2, 2: 4, 4: 8}, {1: 2, 2: 5, 4: 4})
    )


def test_faster_everywhere_has_no_crossover():
    """For either side."""
    assert verdict(versus({2: 4, 4: 8}, {2: 3, 4: 4})).startswith(
        "The swarm is faster at every number of peers measured; "
    )
    assert verdict(versus({2: 3, 4: 4}, {2: 4, 4: 8})).startswith(
        "The central server is faster at every number of peers measured; "
        "at 4 peers the central server finishes 2.0 times sooner"
    )


def test_a_mixed_picture_is_called_mixed():
    """Who wins where, and the end."""
    told = verdict(versus({1: 2, 2: 4, 4: 8, 8: 9}, {1: 2, 2: 3, 4: 4, 8: 12}))
    assert told.startswith(
        "The picture is mixed: the swarm is faster at 2 and 4, the central server is faster at 8, "
        "they are level at 1 peers; at 8 peers the central server finishes 1.3 times sooner"
    )


def test_a_tie_is_a_tie():
    """No winner within 5 %."""
    assert verdict(versus({1: 2, 2: 4}, {1: 2.05, 2: 3.9})).startswith(
        "The swarm and the central server finish within 5% of each other at every number of peers measured."
    )


def test_one_number_of_peers_says_nothing_about_scaling():
    """And the verdict admits it."""
    told = verdict(versus({4: 8}, {4: 4}))
    assert told.startswith("At 4 peers the swarm finishes 2.0 times sooner (4 s against 8 s)")
    assert "One number of peers says nothing about how it scales." in told


def test_a_lone_contender_is_compared_with_nothing():
    """Only its distance from the limit is told."""
    assert verdict([row("http", 1, 2.0), row("http", 2, 4.0)]) == (
        "Only the central server gave valid rows, so there is nothing to compare it with. "
        "Share of the speed that theory allows each at 2 peers: the central server 90%."
    )


def test_contenders_that_never_met_are_not_compared():
    """One ran with 1 peer, the other with 2."""
    assert verdict([row("http", 1, 2.0), row("swarm", 2, 2.0)]) == (
        "No number of peers has valid rows of both contenders, so nothing can be compared."
    )


def test_invalid_rows_are_left_out_and_said_to_be():
    """Their figures do not enter."""
    told = verdict([*versus({4: 8}, {4: 4}), row("swarm", 8, 1.0, invalid="saturated")])
    assert told.endswith("1 of 3 rows is invalid and left out.")
    assert "at 8 peers" not in told


def test_nothing_valid_means_no_conclusion():
    """With the first reason."""
    assert verdict([row("http", 4, 8.0, invalid="the machine was saturated")]) == (
        "No row is valid, so nothing can be concluded; the first says: the machine was saturated."
    )


def test_nothing_measured_is_said():
    """An interrupted run may have no row."""
    assert verdict([]) == "Nothing has been measured yet."


def test_every_challenger_is_told_of():
    """Of three or more: the order at the end, and who leads the baseline from where on."""
    lasts = {"http": (2, 8), "swarm": (2.5, 4), "libtorrent": (2.6, 5), "nginx": (2, 8.1)}
    assert verdict(
        [row(name, n, last) for name, pair in lasts.items() for n, last in zip((1, 4), pair, strict=True)]
    ) == (
        "Time until the last of 4 peers is done: the swarm 4 s, libtorrent 5 s, the central server 8 s and "
        "nginx 8.1 s. From 4 peers on the swarm and libtorrent stay ahead of the central server. Nginx does not. "
        "Share of the speed that theory allows each at 4 peers: "
        "the central server 90%, the swarm 90%, libtorrent 90% and nginx 90%."
    )
