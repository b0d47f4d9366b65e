"""Where a Grafana is, and by what right we change it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.observing.access import Access, find_token, read_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://grafana:3000", "http://grafana:3000"),
        ("https://example.org/tools/grafana/", "https://example.org/tools/grafana"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
    ],
)
def test_urls_have_no_slash_at_the_end(text: str, url: str) -> None:
    """So that paths can be put behind them."""
    assert read_url(text, "--url") == url


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("grafana.example.org", "is not a URL; give it as https"),
        ("localhost:3000", "is not a URL"),
        ("ftp://grafana", "is not a URL"),
        ("http://", "is not a URL"),
        ("http://[::1", "is not a URL"),
        ("http://grafana:99999", "is not a URL"),
        ("http://admin:secret@grafana", "password in it"),
        ("http://grafana/?orgId=2", "more than a path"),
    ],
)
def test_what_is_no_url_is_said(text: str, message: str) -> None:
    """With the option, and never with a password that was in it."""
    with pytest.raises(UsageError, match=message) as caught:
        read_url(text, "--url")
    assert "--url" in str(caught.value) and "secret" not in str(caught.value)


def test_the_token_comes_from_the_environment_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default variable may be missing, a named one may not."""
    monkeypatch.delenv("GRAFANA_TOKEN", raising=False)
    assert find_token(None, None) is None
    monkeypatch.setenv("GRAFANA_TOKEN", "glsa_1\n")
    monkeypatch.setenv("OTHER", "glsa_2")
    (tmp_path / "token").write_text("glsa_3\n")
    assert find_token(None, None) == "glsa_1"
    assert find_token("OTHER", None) == "glsa_2"
    assert find_token(None, tmp_path / "token") == "glsa_3"


def test_a_token_that_is_none_is_said_without_showing_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It might be somebody's password that ended up there."""
    monkeypatch.delenv("NOBODYS", raising=False)
    monkeypatch.setenv("ODD", "two words")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for env, file, message in [
        ("NOBODYS", None, "NOBODYS is not set, or empty"),
        ("ODD", None, "ODD: holds no token"),
        ("ODD", tmp_path / "empty", "give one of the two"),
        (None, tmp_path / "empty", "empty: holds no token"),
        (None, tmp_path / "binary", "binary: cannot be read"),
        (None, tmp_path / "none", "none: cannot be read"),
    ]:
        with pytest.raises(UsageError, match=message) as caught:
            find_token(env, file)
        assert "two words" not in str(caught.value)


def test_a_right_is_not_shown() -> None:
    """Not even by a traceback or a debugger's print."""
    assert "glsa" not in repr(Access("http://grafana", "glsa_1"))
