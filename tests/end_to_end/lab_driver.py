"""A small harness for the tests of labs: does one thing with a lab, prints what it saw as JSON, and may be killed.

lab_driver.py hold LAB           lays out, starts stubborn processes, prints their namespace, waits to be killed
lab_driver.py lay-out LAB HOSTS  says so and lays out; to be killed meanwhile
lab_driver.py calibrate LAB      prints the calibration of 40/40 and 8/32 Mbit/s links
lab_driver.py rows               prints the labs there are, and which one is chosen
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import msgspec

from harness.labs import calibration, catalogue
from harness.labs.base import HostSpec

MBIT = 1e6 / 8
SERVER = HostSpec("server", 40 * MBIT, 40 * MBIT)
STUBBORN = "trap '' TERM HUP; (setsid sleep 300 &) ; sleep 300 & wait"
"""A shell that ignores SIGTERM, with a child, and with a grandchild that has left its session."""


def peers(count: int) -> list[HostSpec]:
    return [HostSpec(f"p{number}", 8 * MBIT, 32 * MBIT) for number in range(count)]


def say(fact: object) -> None:
    print(json.dumps(fact), flush=True)


async def hold(lab_name: str, scratch: Path) -> None:
    async with catalogue.choose(lab_name) as lab:
        await lab.lay_out([SERVER, *peers(4)])
        process = await lab.start(["sh", "-c", STUBBORN], log=scratch / "log")
        await asyncio.sleep(0.2)
        say({"pid": process.pid, "namespace": str(Path(f"/proc/{process.pid}/ns/net").readlink())})
        await process.wait()


async def lay_out(lab_name: str, count: int) -> None:
    async with catalogue.choose(lab_name) as lab:
        say("laying out")
        await lab.lay_out([SERVER, *peers(count)])
        await asyncio.sleep(60)


async def calibrate(lab_name: str, scratch: Path) -> None:
    async with catalogue.choose(lab_name) as lab:
        hosts = await lab.lay_out([SERVER, *peers(4)])
        measured = await calibration.calibrate(lab, hosts, scratch)
        say({**msgspec.to_builtins(measured), "congestion_control": lab.congestion_control})


def rows() -> None:
    labs = {row.name: [row.availability.usable, row.availability.reason] for row in catalogue.rows()}
    say({"labs": labs, "chosen": catalogue.choose("auto").name})


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        match sys.argv[1:]:
            case ["hold", lab_name]:
                asyncio.run(hold(lab_name, Path(scratch)))
            case ["lay-out", lab_name, count]:
                asyncio.run(lay_out(lab_name, int(count)))
            case ["calibrate", lab_name]:
                asyncio.run(calibrate(lab_name, Path(scratch)))
            case ["rows"]:
                rows()


if __name__ == "__main__":
    main()
