"""The hunt in small, on every change, what it once found, and whether it finds what is planted; `make simulate` is the
whole of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

import pytest
from click.testing import CliRunner

from p2p_node.core.choker import Choker
from p2p_node.core.connection import Connection
from p2p_node.core.downloader import Downloader
from p2p_node.core.trust import Trust
from p2p_node.core.uploader import Uploader
from p2p_node.shell.resume import ResumeRecord
from p2p_node.wire.address import Address
from tests.simulation.__main__ import KEPT, main
from tests.simulation.hunt import Finding, play
from tests.simulation.plans import Kind, Role, draw

SWARMS = 40

Plant = Callable[[pytest.MonkeyPatch], None]


def kept() -> list[int]:
    return [int(line.split()[0]) for line in KEPT.read_text().splitlines() if line and not line.startswith("#")]


def test_what_must_hold_holds() -> None:
    """Whatever goes wrong in the first swarms."""
    for seed in range(SWARMS):
        _, finding = play(seed)
        assert finding is None, str(finding)


@pytest.mark.parametrize("seed", kept())
def test_what_was_found_stays_found(seed: int) -> None:
    """Each swarm that once broke something."""
    _, finding = play(seed)
    assert finding is None, str(finding)


def test_the_same_seed_gives_the_same_swarm() -> None:
    """A finding can be found again: every event happens at the same time."""
    for seed in range(5):
        first, again = play(seed)[0], play(seed)[0]
        assert (first.trace, first.clock.happened) == (again.trace, again.clock.happened)
    assert play(0)[0].trace != play(1)[0].trace


def test_everything_is_drawn() -> None:
    """No fault and no kind of peer is left out, and every swarm has a full copy to begin with."""
    plans = [draw(seed) for seed in range(300)]
    assert {fault.kind for plan in plans for fault in plan.faults} == set(Kind)
    assert {member.role for plan in plans for member in plan.members} == set(Role)
    assert all(plan.members[0].complete and plan.members[0].role is Role.HONEST for plan in plans)


def test_a_finding_is_one_line_with_the_command_that_replays_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And an exit code that stops a nightly run; the replay shows what happened before."""
    _guilt_by_association(monkeypatch)
    found = CliRunner().invoke(main, ["--seeds", "20", "--jobs", "1"])
    line = re.search(
        r"^seed (\d+): .* has banned .*; replay: python -m tests.simulation --seed \1$", found.output, re.M
    )
    assert found.exit_code == 1 and line is not None
    replayed = CliRunner().invoke(main, ["--seed", line[1]])
    assert replayed.exit_code == 1 and "joins with 0 pieces" in replayed.output and line[0] in replayed.output


def test_a_hunt_without_findings_says_so() -> None:
    """With the number of swarms and the time."""
    quiet = CliRunner().invoke(main, ["--seeds", "3", "--jobs", "1"])
    assert quiet.exit_code == 0 and "3 swarms from seed 0: none broke" in quiet.output


def _end_game_without_cancel(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Downloader, "_cancel_elsewhere", lambda *_: None)


def _resume_without_verification(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ResumeRecord, "_of", lambda *_: [])  # no file is looked at before its pieces are believed


def _choke_deadlock(patch: pytest.MonkeyPatch) -> None:
    choose = Choker.choose

    def repay(self: Choker, connections: Collection[Connection], seeding: bool, now: float) -> set[Connection]:
        """Who has given nothing gets nothing, but from seeds: so nobody begins."""
        chosen = choose(self, connections, seeding, now)
        return chosen if seeding else {peer for peer in chosen if peer.download.window(now)}

    patch.setattr(Choker, "choose", repay)
    patch.setattr(Choker, "serves_all", lambda *_: False)
    patch.setattr(Uploader, "grant", lambda *_: None)  # pieces that are given to the choked would begin it


def _guilt_by_association(patch: pytest.MonkeyPatch) -> None:
    def failed(self: Trust, contributors: Collection[Address]) -> None:
        for contributor in contributors:
            self.ban(contributor)

    patch.setattr(Trust, "failed", failed)


@pytest.mark.parametrize(
    ("plant", "within", "problem"),
    [
        (_end_game_without_cancel, 5, "waits for blocks|KeyError"),
        (_resume_without_verification, 60, "resumes with wrong pieces"),
        (_choke_deadlock, 60, "is stuck"),
        (_guilt_by_association, 30, "who did not lie"),
    ],
)
def test_planted_bugs_are_found(monkeypatch: pytest.MonkeyPatch, plant: Plant, within: int, problem: str) -> None:
    """Each of four mistakes that others have made, within so many seeds."""
    plant(monkeypatch)
    assert re.search(problem, str(_first_finding(within)))


def _first_finding(within: int) -> Finding | None:
    return next((finding for seed in range(within) if (finding := play(seed)[1]) is not None), None)
