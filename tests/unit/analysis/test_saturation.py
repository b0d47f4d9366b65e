"""When the machine, not the links, made the figures."""

from __future__ import annotations

from records import sample

from harness.analysis.saturation import saturation
from harness.results.schema import Sample


def test_a_machine_at_its_limit_spoils_a_step():
    """The reason says how busy it was."""
    told = saturation([sample("machine", 10.0, cpu_s=18.0)], cores=2)
    assert told == "the machine was saturated: more than 1.6 of 2 cores busy for 100% of the step"


def test_a_tenth_of_the_step_is_enough_but_not_a_moment():
    """Busy from 10 s on: 3 of 23 s spoil the step; 2 of 30 s, or the first second, do not."""

    def busy_for(seconds, end):
        ends = [(10.0, 4.0), (10.0 + seconds, 4.0 + 1.9 * seconds), (end, 4.0 + 1.9 * seconds + 0.2)]
        return [sample("machine", at_s, cpu_s=cpu_s) for at_s, cpu_s in ends]

    assert saturation(busy_for(3.0, 23.0), 2) is not None
    assert saturation(busy_for(2.0, 30.0), 2) is None
    assert saturation([sample("machine", 1.0, cpu_s=2.0), sample("machine", 6.0, cpu_s=3.0)], 2) is None


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
