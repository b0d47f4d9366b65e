"""The fuzzer in small, on every change, and what it once found; `make fuzz` is the whole of it."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from p2p_node.wire.errors import ProtocolError
from tests.fuzz import batch
from tests.fuzz.batch import BATCH, refused, run_batch
from tests.fuzz.codec import Codec
from tests.fuzz.codecs import CODECS

INPUTS = 20_000
KEPT = sorted(Path(__file__).parent.glob("corpus/*/*.hex"))


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_decoder_survives_hostile_inputs(codec: Codec) -> None:
    """Its own errors and nothing else, in bounded time and memory; some inputs are accepted, and some refused."""
    accepted = 0
    for number in range(INPUTS // BATCH):
        count, finding = run_batch(codec, 0, number)
        assert finding is None, f"{finding}; replay: python -m tests.fuzz --codec {codec.name} --replay HEX"
        accepted += count
    assert 0.001 * INPUTS < accepted < 0.999 * INPUTS


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_what_was_found_stays_found(path: Path) -> None:
    """Each input that a decoder once failed on is refused or accepted as it should be."""
    codec = next(codec for codec in CODECS if codec.name == path.parent.name)
    refused(codec, bytes.fromhex(path.read_text()))


def test_the_same_seed_gives_the_same_inputs() -> None:
    """A finding can be found again."""

    def inputs_of(seed: int) -> list[bytes]:
        seen: list[bytes] = []
        run_batch(Codec("seen", lambda rng: rng.randbytes(30), seen.append), seed, 0)
        return seen

    assert inputs_of(1) == inputs_of(1) != inputs_of(2)


def _raise(error: BaseException) -> None:
    raise error


def _spin(_data: bytes) -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda data: None if len(data) == 30 else _raise(IndexError("beyond")), "IndexError: beyond"),
        (lambda data: _raise(ProtocolError("valid, yet refused")), "ProtocolError: valid, yet refused"),
        (_spin, "TooSlow"),
    ],
)
def test_faults_are_found(monkeypatch: pytest.MonkeyPatch, check, problem: str) -> None:
    """Foreign exceptions, valid inputs that are refused, and loops without end."""
    monkeypatch.setattr(batch, "BATCH_CPU_S", 0.2)
    _, finding = run_batch(Codec("faulty", lambda rng: rng.randbytes(30), check), 0, 0)
    assert finding is not None and finding.problem.startswith(problem)


def test_a_decoder_that_hoards_memory_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that raises the peak by far more than its inputs."""
    monkeypatch.setattr(batch, "BATCH", batch.CORPUS + 1)
    peaks = iter([0, batch.GROWTH + 1, batch.GROWTH + 1])
    monkeypatch.setattr(batch, "_peak", lambda: next(peaks))
    _, finding = run_batch(Codec("hoarder", lambda rng: rng.randbytes(Random(0).randrange(9)), lambda data: None), 0, 0)
    assert finding is not None and "memory grew" in finding.problem
