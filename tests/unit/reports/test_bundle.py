"""The script of the charts, bundled once."""

from __future__ import annotations

import pytest
import vl_convert

from harness.reports import bundle
from harness.reports.bundle import vega_bundle


def bundled_as(monkeypatch, script):
    """What bundling gives from now on; returns the list that each bundling is noted in."""
    snippets = []

    def bundled(snippet):
        snippets.append(snippet)
        return script

    monkeypatch.setattr(vl_convert, "javascript_bundle", bundled)
    return snippets


def test_it_is_bundled_once_and_then_kept(monkeypatch, tmp_path):
    """Whoever comes later reads it; nothing else is left in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundlings = bundled_as(monkeypatch, "vega – embed")
    assert [vega_bundle(), vega_bundle()] == ["vega – embed"] * 2
    assert len(bundlings) == 1
    assert len(list((tmp_path / "swarmbench").iterdir())) == 1


def test_another_version_is_bundled_anew(monkeypatch, tmp_path):
    """What an older one gave is not taken for its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundled_as(monkeypatch, "old")
    vega_bundle()
    bundled_as(monkeypatch, "new")
    monkeypatch.setattr(bundle, "version", lambda _name: "99.0")
    assert vega_bundle() == "new"


def test_a_cache_that_cannot_be_written_costs_only_time(monkeypatch, tmp_path):
    """Here it lies below a file."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    bundled_as(monkeypatch, "script")
    assert vega_bundle() == "script"


def test_a_script_that_would_end_its_element_is_refused(monkeypatch, tmp_path):
    """And not kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bundled_as(monkeypatch, "text = '</SCRIPT>'")
    with pytest.raises(ValueError, match="end its script element"):
        vega_bundle()
    assert list(tmp_path.iterdir()) == []
