"""How many files a node's process may open: every connection is one."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlling import running_fleet


@pytest.fixture
def soft_limit() -> Iterator[int]:
    """Half of what most shells give their programs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield 512
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_fleet_may_have_as_many_connections_as_the_system_allows(tmp_path: Path, soft_limit: int) -> None:
    """A crowd of 500 in eight processes runs out of a soft limit of 1,024 files in each."""
    with running_fleet(tmp_path / "fleet.sock", "p2p_node", "fleet") as fleet:
        soft, hard = resource.prlimit(fleet.process.pid, resource.RLIMIT_NOFILE)
    assert soft == hard > soft_limit
