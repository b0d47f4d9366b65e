"""How every BitTorrent contender is deployed: one torrent for all, a seed and fleets by each, and how they meet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.contenders.base import Deployment, Stage
from harness.contenders.fleets import add_peers, start_fleets
from harness.contenders.readiness import until_done, until_says
from harness.contenders.rendezvous import NODE, Rendezvous, by_tracker
from harness.labs.base import Process
from harness.results.roles import Role

SEED_PORT = 6881


@dataclass(frozen=True, slots=True)
class Commands:
    """A contender's own part: its commands for the seed of a torrent, and for the fleet at a control socket.

    The seed says a line that begins with `seeding` once every byte it has is checked.
    """

    seed: Callable[[Stage, Path], Sequence[str]]
    fleet: Callable[[Stage, Path], Sequence[str]]


@asynccontextmanager
async def deployed_swarm(
    stage: Stage, commands: Commands, rendezvous: Rendezvous = by_tracker
) -> AsyncIterator[Deployment]:
    """Seed, peers and what they meet by in place. Raises SwarmbenchError when one does not come up."""
    async with AsyncExitStack() as stack:
        torrent = stage.sockets / "item.torrent"
        meeting = await rendezvous(stage, stack)
        await _create(stage, torrent, meeting.tiers)
        # First of all: an announce over UDP that nobody hears yet is only repeated after 15 s (BEP 15).
        for answers in meeting.ready:
            await answers()
        seed = await _start(stage, stack, "seed", commands.seed(stage, torrent))
        fleets, peers = await start_fleets(stage, stack, lambda socket: commands.fleet(stage, socket))
        await until_says("the seed", seed, stage.logs / "seed.log", "seeding")
        points = await add_peers(
            stage, fleets, {"source": str(torrent), "sha256": None, "origin": stage.server.address}
        )
        behind = meeting.processes
        yield Deployment(
            points,
            {
                Role.SERVER: [*behind.get(Role.SERVER, ()), seed],
                Role.PEERS: [*behind.get(Role.PEERS, ()), *peers],
            },
        )


async def _start(stage: Stage, stack: AsyncExitStack, role: str, command: Sequence[str]) -> Process:
    process = await stage.lab.start(command, log=stage.logs / f"{role}.log")
    stack.push_async_callback(process.stop)
    return process


async def _create(stage: Stage, torrent: Path, tiers: Sequence[Sequence[str]]) -> None:
    command = [*NODE, "create", str(stage.item.path), "--out", str(torrent)]
    for tier in tiers:
        command += ["--tracker", ",".join(tier)]
    command += ["--piece-size", str(stage.item.piece_size or "auto")]
    log = stage.logs / "create.log"
    await until_done("p2p-node create", await stage.lab.start(command, log=log), log)
