"""What clients that are programs have in common: an account by the kernel's counts, and ends that say why."""

from __future__ import annotations

import asyncio
import socket

from test_received import connected

from harness.contenders.hosting.errors import FetchFailed
from harness.contenders.process_fleet.client import ProgramClient
from harness.contenders.process_fleet.program import Program, Rates
from harness.contenders.process_fleet.received import Received


class Downloader(ProgramClient):
    """A client whose program is any command."""

    def __init__(self, address, directory):
        super().__init__(address, 0, directory, Rates(), Received())

    async def start(self, room):
        self._program = await Program.start(["sh", "-c", "exit 7"], room / "log", self.account.fail)

    async def download(self, torrent, origin):
        self._origin = origin
        self.account.size = 6000

    async def lose(self):
        await self._lost(FetchFailed("it does not answer"))


def test_the_origin_is_given_its_share_of_a_complete_download(tmp_path):
    """What a connection brought between the last reading and its end is seen by nobody, and is not the peers' alone."""

    async def scenario():
        client = Downloader("127.6.2.1", tmp_path)
        await client.download(tmp_path, "127.6.2.2")
        links = [connected("127.6.2.1", "127.6.2.2"), connected("127.6.2.1", "127.6.2.3")]
        for (ours, theirs), size in zip(links, (3000, 1000), strict=True):
            theirs.sendall(bytes(size))
            ours.recv(size, socket.MSG_WAITALL)
        client.look()
        assert client.account.from_origin == 3000
        client.account.complete()
        client.look()
        assert client.account.from_origin == 4500
        for pair in links:
            for end in pair:
                end.close()

    asyncio.run(scenario())


def test_a_program_that_answers_no_more_because_it_ended_is_said_to_have_ended(tmp_path):
    """Its interface is often the first to know, but knows less."""

    async def scenario():
        client = Downloader("127.6.3.1", tmp_path)
        await client.start(tmp_path)
        await client.lose()
        assert client.account.failure == "sh ended with exit code 7"
        await client.close()

    asyncio.run(scenario())
