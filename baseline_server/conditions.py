"""Conditional requests (RFC 9110 section 13): validators of a file, and what a request's preconditions make of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from http import HTTPStatus

_ETAG = re.compile(rb'(W/)?("[\x21\x23-\x7e\x80-\xff]*")')


@dataclass(frozen=True, slots=True)
class Validators:
    """What tells one version of a file from another: a strong entity tag, and whole seconds of modification."""

    etag: bytes
    modified_s: int


@lru_cache(maxsize=1024)
def http_date(seconds: int) -> bytes:
    """An IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`."""
    return formatdate(seconds, usegmt=True).encode("ascii")


def outcome(headers: Mapping[bytes, bytes], current: Validators) -> HTTPStatus | None:
    """304 or 412 when a precondition of a GET or HEAD decides the answer, else None; in the order of section 13.2.2."""
    if_match = headers.get(b"if-match")
    if if_match is not None:
        if not _lists(if_match, current.etag, weakly=False):
            return HTTPStatus.PRECONDITION_FAILED
    else:
        unmodified_since = _seconds(headers.get(b"if-unmodified-since"))
        if unmodified_since is not None and current.modified_s > unmodified_since:
            return HTTPStatus.PRECONDITION_FAILED
    if_none_match = headers.get(b"if-none-match")
    if if_none_match is not None:
        return HTTPStatus.NOT_MODIFIED if _lists(if_none_match, current.etag, weakly=True) else None
    modified_since = _seconds(headers.get(b"if-modified-since"))
    if modified_since is not None and current.modified_s <= modified_since:
        return HTTPStatus.NOT_MODIFIED
    return None


def range_applies(headers: Mapping[bytes, bytes], current: Validators) -> bool:
    """Whether If-Range lets the Range stand: no If-Range, the same strong tag, or exactly the same date."""
    validator = headers.get(b"if-range")
    if validator is None:
        return True
    if validator.startswith((b'"', b"W/")):
        return validator == current.etag
    return _seconds(validator) == current.modified_s


def _lists(header: bytes, etag: bytes, *, weakly: bool) -> bool:
    if header.strip() == b"*":
        return True
    return any(tag == etag and (weakly or not weak) for weak, tag in _ETAG.findall(header))


def _seconds(date: bytes | None) -> int | None:
    """Seconds since the epoch of a date header; a date that cannot be read is as good as none (section 13.1.3)."""
    if date is None:
        return None
    try:
        return int(parsedate_to_datetime(date.decode("ascii")).timestamp())
    except (ValueError, OverflowError):
        return None
