"""When the machine, not the links, made the figures."""

from __future__ import annotations

from records import sample

from harness.analysis.saturation import saturation
from harness.results.schema import Sample


def test_a_machine_at_its_limit_spoils_a_step():
    """The reason says how busy it was."""
    assert (
        saturation([sample("machine", 10.0, cpu_s=18.0)], cores=2) == "the machine was saturated: 1.8 of 2 cores busy"
    )


def test_a_machine_with_room_is_no_reason():
    """Nor is a step without samples, or too short to tell."""
    assert saturation([sample("machine", 10.0, cpu_s=12.0)], cores=2) is None
    assert saturation([sample("machine", 1.0, cpu_s=2.0)], cores=2) is None
    assert saturation([], cores=2) is None


def test_other_roles_do_not_count():
    """A server may use its whole core."""
    assert saturation([sample("server", 10.0, cpu_s=20.0)], cores=2) is None


def test_packets_dropped_for_want_of_time_spoil_a_step():
    """However short it is, and however little of the time the processors were busy."""
    dropped = Sample("swarm", 2, 0, 1.0, "machine", 0.1, 0, backlog_drops=7)
    assert saturation([dropped], 2) == "the machine was too busy to receive 7 packets, and dropped them"
