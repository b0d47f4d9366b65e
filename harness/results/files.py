"""Files that survive a crash at any moment: whole files replaced atomically, lines appended whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec

from harness.errors import SwarmbenchError

Record = TypeVar("Record", bound=msgspec.Struct)


def replace_file(path: Path, content: bytes) -> None:
    """Write a whole file so that readers see the old or the new content, never a mixture; raises SwarmbenchError."""
    draft = path.with_name(f".{path.name}.tmp")
    with writing(path):
        try:
            with draft.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)


def pretty(record: msgspec.Struct) -> bytes:
    """A record as JSON that people can read, too."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def append_lines(path: Path, records: Sequence[msgspec.Struct]) -> None:
    """Append records as JSON Lines and flush them to the disk; a failed append is undone. Raises SwarmbenchError."""
    with writing(path), path.open("ab", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        content = memoryview(msgspec.json.Encoder().encode_lines(records))
        try:
            while content:
                content = content[file.write(content) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(end)
            raise


def read_lines(path: Path, kind: type[Record]) -> list[Record]:
    """The records of a JSON Lines file, [] if there is none; a torn last line is ignored. Raises SwarmbenchError."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SwarmbenchError(f"{path}: cannot be read ({error.strerror})") from error
    if lines and not lines[-1].endswith(b"\n"):
        lines.pop()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(msgspec.json.decode(line, type=kind))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            # A power cut may leave the last line's length but not its bytes.
            if number < len(lines):
                raise SwarmbenchError(f"{path}: line {number} is not a {kind.__name__.lower()}: {error}") from error
    return records


def read_record(path: Path, kind: type[Record]) -> Record | None:
    """The one record a JSON file holds, or None if there is no such file; raises SwarmbenchError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SwarmbenchError(f"{path}: cannot be read ({error.strerror})") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SwarmbenchError(f"{path}: not a valid {kind.__name__.lower()}: {error}") from error


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Maps what can go wrong with a disk to one line for a person."""
    try:
        yield
    except OSError as error:
        raise SwarmbenchError(
            f"{path}: cannot be written ({error.strerror}); finished steps are kept; make room, then use --resume"
        ) from error
