"""The report as a browser sees it: drawn, silent, and without a word to any host."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser
from conftest import require_tool
from records import ENVIRONMENT, SCENARIO, row, summary, whole_run

from harness.reports.html import render_html

CHARTS = 6
DRAWN = (
    f"document.querySelectorAll('.chart.vega-embed svg .mark-line path, .chart svg .mark-rect path').length >= {CHARTS}"
)


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Path:
    run, transfers = whole_run()
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_html(SCENARIO, ENVIRONMENT, run, transfers), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    browser = Browser(require_tool("chromium", "chromium"))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Browser:
    chromium.requests.clear()
    chromium.complaints.clear()
    chromium.look(1280)
    return chromium


def test_no_host_is_asked_for_anything(browser, report):
    """One file, and data inside it."""
    browser.open(report)
    browser.wait_for(DRAWN)
    assert browser.requests == [report.as_uri()]


def test_the_console_stays_empty(browser, report):
    """No error, no warning, no exception, no violated policy."""
    browser.open(report)
    browser.wait_for(DRAWN)
    assert browser.complaints == []


def test_every_chart_comes_alive(browser, report):
    """Vega has replaced each static picture by its own, which has marks."""
    browser.open(report)
    browser.wait_for(DRAWN)
    assert browser.evaluate("document.querySelectorAll('.chart.vega-embed svg').length") == CHARTS
    marks = "document.querySelectorAll('#chart-completion .mark-symbol path[aria-roledescription=point]').length"
    assert browser.evaluate(marks) == 36


def test_a_mark_tells_its_figures_when_pointed_at(browser, report):
    """The tooltip names the contender and the time of the last peer."""
    browser.open(report)
    browser.wait_for(DRAWN)
    x, y = browser.evaluate(
        "(() => { const mark = document.querySelector('#chart-completion path[aria-roledescription=point]');"
        " mark.scrollIntoView({block: 'center'}); const box = mark.getBoundingClientRect();"
        " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
    )
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    browser.wait_for("document.querySelector('#vg-tooltip-element.visible') !== null")
    assert "last peer, s" in browser.evaluate("document.querySelector('#vg-tooltip-element').textContent")


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_screen_has_to_scroll_sideways(browser, report, width):
    """The table scrolls in its own frame; charts fit their places."""
    browser.look(width)
    browser.open(report)
    browser.wait_for(DRAWN)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(
        "[...document.querySelectorAll('.chart')].every(c => c.querySelector('svg').clientWidth <= c.clientWidth)"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_in_light_and_dark(browser, report, dark):
    """At least 4.5 : 1 (WCAG AA) between paragraph and page, and charts use the same ink."""
    browser.look(1280, dark=dark)
    browser.open(report)
    browser.wait_for(DRAWN)
    contrast = browser.evaluate("""(() => {
        const luminance = colour => colour.match(/\\d+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
        const ground = luminance(getComputedStyle(document.body).backgroundColor);
        const inks = [document.querySelector('.about'), document.querySelector('.verdict'),
                      document.querySelector('.chart svg .role-axis-label text')];
        return inks.map(e => luminance(getComputedStyle(e)[e.tagName === 'text' ? 'fill' : 'color']))
            .map(ink => (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05));
    })()""")
    assert min(contrast) >= 4.5


def test_without_scripts_the_charts_are_there_all_the_same(browser, report):
    """Some viewers of CI artefacts run none."""
    browser.look(1280, scripts=False)
    browser.open(report)
    assert browser.evaluate("document.querySelectorAll('.chart:not(.vega-embed) svg').length") == CHARTS


def test_hostile_names_run_no_script(browser, tmp_path):
    """What a contender is called stays a name."""
    hostile = "</script><script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
    path = tmp_path / "report.html"
    run = summary([row("http", n, 2.0 * n) for n in (1, 4)] + [row(hostile, n, 1.5 * n) for n in (1, 4)])
    path.write_text(render_html(SCENARIO, ENVIRONMENT, run), encoding="utf-8")
    browser.open(path)
    browser.wait_for("document.querySelectorAll('.chart.vega-embed svg').length >= 4")
    assert browser.evaluate("document.title") == "Flash crowd · swarmbench"
    assert browser.complaints == []
