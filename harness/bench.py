"""The bench: what all steps of a run share, set up before the first and gone after the last."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.contenders.base import Item
from harness.contenders.item import make_item
from harness.contenders.scratch import Scratch, scratch
from harness.labs.base import SERVER, Host, HostSpec, Lab
from harness.labs.rounds import peers_needed
from harness.scenarios.model import Scenario


@dataclass(frozen=True, slots=True)
class Bench:
    """The lab with its hosts – at least as many peers as any step needs –, the item, and room for files."""

    scenario: Scenario
    lab: Lab
    server: Host
    peers: Sequence[Host]
    item: Item
    room: Scratch

    @property
    def hosts(self) -> list[Host]:
        """The server's host and the peers'."""
        return [self.server, *self.peers]


@asynccontextmanager
async def set_up(scenario: Scenario, lab: Lab) -> AsyncIterator[Bench]:
    """Lay out the hosts and make the item; all of it is gone afterwards. Raises SwarmbenchError."""
    with scratch(0 if lab.virtual else scenario.content.size * (1 + max(scenario.peers))) as room:
        async with lab:
            server, *peers = await lab.lay_out(
                host_specs(scenario), delay=scenario.links.delay, loss=scenario.links.loss
            )
            item = await asyncio.to_thread(_make_item, scenario, room.payload / "item", virtual=lab.virtual)
            yield Bench(scenario, lab, server, peers, item, room)


def _make_item(scenario: Scenario, directory: Path, *, virtual: bool) -> Item:
    size, piece_size = scenario.content.size, scenario.content.piece_size
    if virtual:  # nobody will read it
        return Item(directory / "item", size, "", piece_size)
    return make_item(directory, size=size, piece_size=piece_size, seed=scenario.seed)


def host_specs(scenario: Scenario) -> list[HostSpec]:
    """The server, and as many peers as the largest step, or calibration, needs."""
    links = scenario.links
    server = HostSpec(SERVER, links.server.up, links.server.down)
    peers = [
        HostSpec(f"peer-{number:03}", link.up, link.down)
        for number, link in enumerate(links.of_peers(max(scenario.peers)), start=1)
    ]
    return [server, *peers, *([] if links.unlimited or links.idle else _spares(server, peers))]


def _spares(server: HostSpec, peers: list[HostSpec]) -> list[HostSpec]:
    """For each class of links, the hosts that calibration needs beyond those that are there."""
    spares: list[HostSpec] = []
    for (up, down), there in Counter((peer.up, peer.down) for peer in peers).items():
        for _ in range(peers_needed(server, HostSpec("", up, down)) - there):
            spares.append(HostSpec(f"spare-{len(spares) + 1:03}", up, down))
    return spares
